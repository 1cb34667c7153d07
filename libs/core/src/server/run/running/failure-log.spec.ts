import { expect, it } from 'vitest';
import type { Outcome } from '../../../broker/contract/settle.js';
import { HandlerNotFoundError } from '../../../errors/handler-not-found.error.js';
import { FakeClock } from '../../../testing/fake-clock.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import { FailureLog } from './failure-log.js';

type Line = readonly [level: string, text: string, fields: object | undefined];

function prepare() {
  const lines: Line[] = [];
  const clock = new FakeClock();
  const at =
    (level: string) =>
    (text: string, fields?: object): void =>
      void lines.push([level, text, fields]);
  const log = new FailureLog(clock, { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') });
  const message = { id: 'x', type: 'mail', queue: 'low', retried: 2, maxRetry: 5 } as TaskMessage;
  return {
    clock,
    lines,
    write: (outcome: Outcome | undefined, error?: unknown) => log.write(message, { outcome, error, durationMs: 7 }),
  };
}

const FIELDS = { queue: 'low', type: 'mail', taskId: 'x', attempt: 3, maxRetry: 5, durationMs: 7 };
const boom = new Error('boom');
const retry = { kind: 'retry', retryAtMs: 0, error: 'boom' } as const;

it.each<[string, Outcome | undefined, unknown, Line]>([
  [
    'a failure',
    { ...retry, isFailure: true },
    boom,
    ['warn', 'task failed, will be retried: boom', { ...FIELDS, outcome: 'retried', error: boom }],
  ],
  [
    'one that does not count',
    { ...retry, isFailure: false },
    boom,
    ['debug', 'task failed, will be retried: boom', { ...FIELDS, outcome: 'retried', error: boom }],
  ],
  [
    'the last one',
    { kind: 'archive', error: 'boom' },
    boom,
    ['error', 'task archived: boom', { ...FIELDS, outcome: 'archived', error: boom }],
  ],
  [
    'an unknown type',
    { ...retry, isFailure: false },
    new HandlerNotFoundError('mail', []),
    ['warn', 'task put back: handler not found for task "mail"', { ...FIELDS, outcome: 'retried' }],
  ],
  ['a shutdown', { kind: 'requeue' }, boom, ['debug', 'task requeued', { ...FIELDS, outcome: 'requeued' }]],
  [
    'a handler that revokes its task',
    { kind: 'done' },
    boom,
    ['debug', 'task revoked', { ...FIELDS, outcome: 'revoked' }],
  ],
  [
    'a lost lease',
    undefined,
    undefined,
    ['warn', 'lost the lease on a running task; its outcome is dropped', { ...FIELDS, outcome: 'leaseLost' }],
  ],
])('writes one line with the same fields for %s', (_name, outcome, error, line) => {
  const { lines, write } = prepare();

  write(outcome, error);

  expect(lines).toEqual([line]);
});

it('bounds the lines about a type whose tasks all fail, and says how many are missing', async () => {
  const { clock, lines, write } = prepare();

  for (let n = 0; n < 1_000; n++) write({ kind: 'archive', error: 'boom' }, boom);
  await clock.advance('1s');
  write({ kind: 'archive', error: 'boom' }, boom);

  expect(lines).toHaveLength(101);
  expect(lines.at(-1)![2]).toMatchObject({ leftOut: 900 });
});
