import { Client, openBroker, RedisCommandError, silentLogger } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { runLine } from '../run-line.fixture.js';

type Broker = ReturnType<typeof openBroker>;

/** Tasks in a broker, and the command line on it. */
async function seeded(tasks: readonly { readonly id: string; readonly queue: string; readonly group?: string }[]) {
  const broker = openBroker('memory');
  const client = new Client({ connection: broker, logger: silentLogger });
  for (const { id: taskId, queue, group } of tasks) await client.enqueue('email', {}, { taskId, queue, group });
  const asynq = (line: string) => runLine(broker, line);
  const find = async (line: string) => {
    const { status, stdout, stderr } = await asynq(`task find --json --partial ${line}`);
    if (status !== 0) throw new Error(stderr);
    const { tasks: found, cursor } = JSON.parse(stdout) as { tasks: { id: string }[]; cursor: string | null };
    return { ids: found.map(({ id }) => id), cursor };
  };
  return { broker, asynq, find };
}

/** Makes calls of a method for this queue fail, as if another program had written a key of another type. */
function fail(broker: Broker, method: 'groupSizes' | 'scanTasks' | 'moveTasks', queue: string, after = 0): void {
  const original = (broker[method] as (...args: unknown[]) => unknown).bind(broker);
  let calls = 0;
  Object.assign(broker, {
    [method]: async (...args: unknown[]) => {
      if (args[0] === queue && calls++ >= after)
        throw new RedisCommandError(method, false, { cause: new Error('odd') });
      return original(...args);
    },
  });
}

const in3 = ['aaa', 'bbb', 'ccc'].map((queue) => ({ id: `of-${queue}`, queue }));

it('acts on the other queues when one is missing, and says how many tasks it was', async () => {
  const { asynq } = await seeded(in3);

  const { status, stdout, stderr } = await asynq('task find -q aaa -q missing -q ccc -s pending --delete');

  expect({ status, stdout }).toEqual({ status: 1, stdout: '2 tasks deleted\n' });
  expect(stderr).toMatch(/^error: .*missing.*\n$/);
});

it('acts on the other queues when one cannot be searched', async () => {
  const { broker, asynq } = await seeded(in3);
  fail(broker, 'scanTasks', 'bbb');

  const { status, stdout, stderr } = await asynq('task find --id_prefix of- -s pending --delete');

  expect({ status, stdout }).toEqual({ status: 1, stdout: '2 tasks deleted\n' });
  expect(stderr).toBe('error: no answer about "bbb", pending: odd. Redis failed at scanTasks\n');
});

it('says how far it came where the work on a list fails', async () => {
  const { broker, asynq } = await seeded([
    ...Array.from({ length: 300 }, (_, n) => ({ id: `of-${n}`, queue: 'bbb' })),
    { id: 'of-ccc', queue: 'ccc' },
  ]);
  fail(broker, 'moveTasks', 'bbb', 1);

  const { status, stdout, stderr } = await asynq('task find --id_prefix of- -s pending --archive');

  expect({ status, stdout }).toEqual({ status: 1, stdout: '1 tasks archived\n' });
  expect(stderr).toMatch(/^error: no answer about "bbb", pending, after \d+ of 300 tasks: odd/);
});

it('searches all that it can when the groups of a queue cannot be read', async () => {
  const { broker, asynq } = await seeded(in3);
  fail(broker, 'groupSizes', 'bbb');

  const { status, stdout, stderr } = await asynq('task find --json --id_prefix of-');

  const { tasks } = JSON.parse(stdout) as { tasks: { id: string }[] };
  expect(tasks.map(({ id }) => id)).toEqual(['of-aaa', 'of-bbb', 'of-ccc']);
  expect(status).toBe(1);
  expect(stderr).toBe('error: no answer about "bbb", aggregating: odd. Redis failed at groupSizes\n');
});

it('continues behind a group that has gone meanwhile', async () => {
  const groups = ['a', 'b', 'c'].map((group) => ({ id: `of-${group}`, queue: 'mail', group }));
  const { broker, find } = await seeded([...groups, { id: 'later', queue: 'news', group: 'a' }]);
  const first = await find('-s aggregating --limit 2');
  await broker.moveTasks('mail', { state: 'aggregating', group: 'b' }, ['of-b'], 'deleted');

  const next = await find(`-s aggregating --cursor ${first.cursor}`);

  expect([first.ids, next]).toEqual([['of-a', 'of-b'], { ids: ['of-c', 'later'], cursor: null }]);
});

it.each(['', '-q mail -q news', '-q mail'])('continues when a queue has no groups any more (%s)', async (queues) => {
  const { broker, find } = await seeded([
    { id: 'of-a', queue: 'mail', group: 'a' },
    { id: 'of-b', queue: 'mail', group: 'b' },
    { id: 'later', queue: 'news', group: 'a' },
  ]);
  const given = `-s aggregating ${queues}`.trim();
  const first = await find(`${given} --limit 1`);
  for (const group of ['a', 'b']) {
    await broker.moveTasks('mail', { state: 'aggregating', group }, [`of-${group}`], 'deleted');
  }

  const next = await find(`${given} --cursor ${first.cursor}`);

  expect([first.ids, next]).toEqual([['of-a'], { ids: queues === '-q mail' ? [] : ['later'], cursor: null }]);
});

describe('a limit', () => {
  const of5 = [...in3, ...in3.map(({ id, queue }) => ({ id: `other-${id}`, queue }))].slice(0, 5);

  it.each([
    ['--limit 3', 0, 3],
    ['--limit 2', 3, 2],
    ['--limit 4', 0, 3],
    ['--limit 3 --scan_budget 5', 0, 3],
    ['--scan_budget 5', 0, 3],
    ['--scan_budget 4', 3, 2],
    ['--limit 2 --scan_budget 3', 3, 1],
  ])('ends a search only when there is more: %s', async (limits, status, count) => {
    const { asynq } = await seeded(of5);

    const ended = await asynq(`task find --json --id_prefix of- ${limits}`);

    const { tasks, stopped } = JSON.parse(ended.stdout) as { tasks: unknown[]; stopped: string | undefined };
    expect([ended.status, tasks.length, stopped !== undefined && stopped !== null]).toEqual([
      status,
      count,
      status === 3,
    ]);
  });

  it('is where the next search begins', async () => {
    const { find } = await seeded(of5);
    const first = await find('--id_prefix o --limit 2');
    const next = await find(`--id_prefix o --limit 3 --cursor ${first.cursor}`);

    expect([...first.ids, ...next.ids].toSorted()).toEqual(of5.map(({ id }) => id).toSorted());
    expect(next.cursor).toBeNull();
  });

  it('is named, with what is known about the rest', async () => {
    const { asynq } = await seeded(of5);
    const story = async (limits: string) => (await asynq(`task find --id_prefix of- ${limits}`)).stdout;

    expect(await story('--limit 2')).toMatch(
      /Stopped at --limit: searched 4 tasks, there are more; continue with --cursor /,
    );
    expect(await story('--scan_budget 2')).toMatch(/Stopped at --scan_budget: searched 2 tasks, there may be more; /);
    expect(await story('--limit 3')).not.toContain('Stopped');
  });
});

it('refuses the cursor of another search', async () => {
  const { asynq, find } = await seeded(in3);
  const { cursor } = await find('-s pending --limit 1');

  for (const other of ['-s retry', '-q ccc', '-g a']) {
    expect(await asynq(`task find ${other} --cursor ${cursor}`)).toMatchObject({ status: 2, stdout: '' });
  }
});
