import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QueueNotFoundError } from '../errors/queue-not-found.error.js';
import { silentLogger } from '../runtime/logger.js';
import { openMemoryQueue, type TestQueue } from '../test-support/test-queue.js';
import { Inspector } from './inspector.js';
import type { TaskInfo } from './task-info.js';
import type { TaskSearch } from './task-search.js';

let q: TestQueue;
let inspector: Inspector;

beforeEach(async () => {
  q = openMemoryQueue({ name: 'q' });
  inspector = new Inspector({ connection: q.broker, logger: silentLogger });
  await q.broker.enqueue([{ message: q.message('pending') }]);
});

afterEach(() => q[Symbol.asyncDispose]());

/** Ids of the archived tasks that a search finds. */
async function find(search: Omit<TaskSearch, 'queue' | 'state'>): Promise<string[]> {
  const { tasks } = await inspector.findTasks({ queue: 'q', state: 'archived', ...search });
  return tasks.map(({ id }) => id);
}

describe('findTasks', () => {
  it('finds tasks by each condition, and by all of them together', async () => {
    await q.seed({
      archived: { 'a-1': '3h', 'a-2': '2h', 'b-1': '1h' },
      messages: {
        'a-1': { type: 'email:welcome', errorMsg: 'no such host', headers: { tenant: '7' } },
        'a-2': { type: 'email:bye', payload: Buffer.from('{"to":"Zoë"}'), headers: { tenant: '8' } },
        'b-1': { type: 'report', payload: Uint8Array.from([1, 2, 255]), errorMsg: 'timeout' },
      },
    });
    const hoursAgo = (hours: number): Date => new Date(q.clock.nowMs() - hours * 3_600_000);

    expect(await find({})).toEqual(['a-1', 'a-2', 'b-1']);
    expect(await find({ type: 'email:bye' })).toEqual(['a-2']);
    expect(await find({ type: 'email:*' })).toEqual(['a-1', 'a-2']);
    expect(await find({ idPrefix: 'b' })).toEqual(['b-1']);
    expect(await find({ payloadContains: 'Zoë' })).toEqual(['a-2']);
    expect(await find({ payloadContains: Uint8Array.from([2, 255]) })).toEqual(['b-1']);
    expect(await find({ errorContains: 'host' })).toEqual(['a-1']);
    expect(await find({ header: { tenant: '8' } })).toEqual(['a-2']);
    expect(await find({ from: hoursAgo(2) })).toEqual(['a-2', 'b-1']);
    expect(await find({ from: hoursAgo(2.5), to: hoursAgo(1.5) })).toEqual(['a-2']);
    expect(await find({ type: 'email:*', header: { tenant: '7' } })).toEqual(['a-1']);
    expect(await find({ type: 'email:*', matches: ({ headers }) => headers['tenant'] !== '7' })).toEqual(['a-2']);
  });

  it('waits for a condition that lets the event loop turn', async () => {
    await q.seed({ archived: { a: '3h', b: '2h', c: '1h' } });
    const matches = async ({ id }: TaskInfo): Promise<boolean> => {
      await nextTurn();
      return id !== 'b';
    };

    expect(await find({ matches })).toEqual(['a', 'c']);
    expect(await inspector.deleteMatching({ queue: 'q', state: 'archived', matches })).toBe(2);
    expect(await find({})).toEqual(['b']);
  });

  it('continues from its cursor, whatever ended it, until the list is searched', async () => {
    const ids = Array.from({ length: 1_200 }, (_, i) => `t${String(i).padStart(4, '0')}`);
    await q.seed({ archived: Object.fromEntries(ids.map((id) => [id, '1h'])) });
    const found: string[] = [];
    const answers: [number, number, boolean][] = [];

    let cursor: string | undefined;
    do {
      const search = { queue: 'q', state: 'archived', idPrefix: 't0', scanBudget: 700, limit: 650 } as const;
      const answer = await inspector.findTasks({ ...search, cursor });
      found.push(...answer.tasks.map(({ id }) => id));
      answers.push([answer.tasks.length, answer.scanned, answer.cursor !== undefined]);
      cursor = answer.cursor;
    } while (cursor !== undefined);

    expect(found).toEqual(ids.slice(0, 1_000));
    expect(answers).toEqual([
      [650, 650, true],
      [350, 550, false],
    ]);
  });

  it('reads no more tasks than its budget', async () => {
    await q.seed({ archived: { a: '3h', b: '2h', c: '1h' } });

    const { tasks, scanned, cursor } = await inspector.findTasks({
      queue: 'q',
      state: 'archived',
      idPrefix: 'c',
      scanBudget: 2,
    });

    expect([tasks, scanned]).toEqual([[], 2]);
    expect(await find({ cursor })).toEqual(['c']);
  });

  it('knows since when a task is pending', async () => {
    const before = new Date(q.clock.nowMs());
    await q.clock.advance('1m');
    await q.broker.enqueue([{ message: q.message('later') }]);

    const { tasks } = await inspector.findTasks({ queue: 'q', state: 'pending', to: before });

    expect(tasks.map(({ id }) => id)).toEqual(['pending']);
  });

  it('refuses all impossible conditions at once', async () => {
    const wrong = { queue: 'q', state: 'active', from: new Date(0), group: 'g', limit: 0, idPrefx: 'a', cursor: 'x' };

    await expect(inspector.findTasks(wrong as TaskSearch)).rejects.toThrow(
      /"idPrefx".*did you mean "idPrefix"[\s\S]*"group"[\s\S]*"from"[\s\S]*"limit"[\s\S]*"cursor"/,
    );
    await expect(inspector.findTasks({ queue: 'nowhere', state: 'retry' })).rejects.toThrow(QueueNotFoundError);
    await expect(inspector.deleteMatching({ queue: 'q', state: 'nope' as never })).rejects.toThrow('option "state"');
  });
});
