import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../testing/fake-clock.js';
import { LeaseTable, type TaskRef } from './lease-table.js';
import { RecordPool } from './record-pool.js';
import { ShownTasks } from './shown-tasks.js';

function openShown() {
  const table = new LeaseTable();
  const pool = new RecordPool(table, () => undefined);
  const describeTasks = (tasks: readonly TaskRef[]) =>
    Promise.resolve(tasks.map(({ key }) => ({ type: `type-${key}`, payload: '', startedAtMs: 1, deadlineMs: 2 })));
  const shown = new ShownTasks(table, describeTasks, new FakeClock());
  let lastKey = 0;
  const run = (id: string) => {
    const key = ++lastKey;
    const record = pool.take({ key, id, queue: 'q', leaseExpiresAtS: 1, returnAtMs: undefined, endsAtMs: Infinity });
    return {
      end: () => {
        record.end();
        pool.putBack(record);
      },
    };
  };
  const read = async () => (await shown.read()).tasks.map(({ id, type }) => `${id}: ${type}`);
  return { shown, run, read };
}

describe('ShownTasks', () => {
  it('shows a task by its own description when it has the record of another', async () => {
    const { run, read } = openShown();
    const first = run('first');

    const before = await read();
    first.end();
    run('second');

    expect([before, await read()]).toEqual([['first: type-1'], ['second: type-2']]);
  });

  it('forgets the payload of a task that has ended', async () => {
    const { shown, run, read } = openShown();
    const first = run('first');
    await read();

    first.end();
    await read();

    expect((Reflect.get(shown, 'known') as Map<unknown, unknown>).size).toBe(0);
  });
});
