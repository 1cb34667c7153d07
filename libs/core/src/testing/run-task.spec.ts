import { expect, it } from 'vitest';
import { ServeMux } from '../server/run/running/serve-mux.js';
import type { TaskContext } from '../task/task-context.js';
import { RevokeTask } from '../task/signals.js';
import { FakeClock } from './fake-clock.js';
import { runTask } from './run-task.js';

it('returns what the handler returned, after the codec', async () => {
  const { outcome, result, error, events } = await runTask(
    (payload) => ({ got: payload, at: new Date(0) }),
    'any',
    [1],
  );

  expect({ outcome, result, error }).toEqual({
    outcome: 'succeeded',
    result: { got: [1], at: '1970-01-01T00:00:00.000Z' },
    error: undefined,
  });
  expect(events.map(({ kind }) => kind)).toEqual(['started', 'succeeded']);
});

it('returns what the handler threw, and when it would be tried again', async () => {
  const clock = new FakeClock(0);
  const error = new Error('no');
  const mux = new ServeMux().handle('mail:', () => Promise.reject(error), { retryDelay: (retried) => retried * 1_000 });

  const run = await runTask(mux, 'mail:send', {}, { retried: 3 }, { server: { clock } });

  expect(run).toMatchObject({ outcome: 'retried', error, nextProcessAt: new Date(3_000) });
});

it('shows the handler the task as it was enqueued, without its delay', async () => {
  let seen: Partial<TaskContext> = {};
  const handler = (_: unknown, { id, queue, headers, retried, maxRetry }: TaskContext): void => {
    seen = { id, queue, headers, retried, maxRetry };
  };

  await runTask(
    handler,
    'any',
    {},
    { taskId: '1', queue: 'low', headers: { a: 'b' }, maxRetry: 2, retried: 2, processIn: '1h', group: 'g' },
  );

  expect(seen).toEqual({ id: '1', queue: 'low', headers: { a: 'b' }, retried: 2, maxRetry: 2 });
});

it('archives after the last retry, and revokes', async () => {
  const fail = (): never => {
    throw new Error('no');
  };
  const revoke = (): never => {
    throw new RevokeTask('obsolete');
  };

  expect(await runTask(fail, 'any', {}, { retried: 1, maxRetry: 1 })).toMatchObject({ outcome: 'archived' });
  expect(await runTask(revoke, 'any')).toMatchObject({ outcome: 'revoked', error: { message: 'obsolete' } });
});

it('knows a type without a handler at once', async () => {
  const mux = new ServeMux().handle('mail', () => undefined);

  await expect(runTask(mux, 'call')).rejects.toThrow('handler not found for task "call"');
});
