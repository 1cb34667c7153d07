import { describe, expect, it } from 'vitest';
import { RECORDS_PER_SEGMENT } from './lease-record.js';
import { LeaseTable, type TableNews } from './lease-table.js';
import { RecordPool } from './record-pool.js';

/** A table of the main thread, and the heartbeat's view of it, which learns the news when the test says. */
function openTable() {
  const news: TableNews[] = [];
  const table = new LeaseTable();
  const pool = new RecordPool(table, (item) => void news.push(item));
  const remote = new LeaseTable();
  const deliver = (): void => {
    for (const item of news.splice(0)) remote.learn(item);
  };
  let lastKey = 0;
  const take = (id: string, queue = 'q') => {
    const key = ++lastKey;
    const record = pool.take({ key, id, queue, leaseExpiresAtS: 1, returnAtMs: undefined, endsAtMs: Infinity });
    const end = (): void => {
      record.end();
      pool.putBack(record);
    };
    return { record, end };
  };
  const read = () => remote.tasksInHand().map(({ queue, id }) => `${queue}/${id}`);
  return { remote, pool, news, deliver, take, read };
}

describe('LeaseTable', () => {
  it('shows tasks in hand without a message for each', () => {
    const { news, deliver, take, read } = openTable();
    take('first');
    deliver();

    take('second');
    take('third').end();

    expect(read()).toEqual(['q/first', 'q/second']);
    expect(news).toEqual([]);
  });

  it('grows by a segment when all records are taken, and announces it', () => {
    const { news, deliver, take, read } = openTable();

    for (let n = 0; n <= RECORDS_PER_SEGMENT; n++) take(`task-${n}`);

    expect(news.map(({ kind }) => kind)).toEqual(['segment', 'queue', 'segment']);
    deliver();
    expect(read()).toHaveLength(RECORDS_PER_SEGMENT + 1);
    expect(read().at(-1)).toBe(`q/task-${RECORDS_PER_SEGMENT}`);
  });

  it('skips a task whose queue or long id has not arrived', () => {
    const { deliver, take, read } = openTable();
    const long = 'x'.repeat(200);
    take('known');
    deliver();
    take('elsewhere', 'other');
    take(long);

    const early = read();
    deliver();

    expect(early).toEqual(['q/known']);
    expect(read()).toEqual(['q/known', 'other/elsewhere', `q/${long}`]);
  });

  it('does not take a long id for that of a later task with the same record', () => {
    const { deliver, take, read } = openTable();
    const [first, second] = ['a'.repeat(100), 'b'.repeat(100)];
    const { record, end } = take(first);
    deliver();
    end();

    const later = take(second);

    expect(later.record).toBe(record);
    expect(read()).toEqual([]);
    deliver();
    expect(read()).toEqual([`q/${second}`]);
  });

  it('forgets the long id of a task that has ended', () => {
    const { remote, deliver, take, read } = openTable();
    const { end } = take('x'.repeat(100));
    deliver();

    end();
    read();

    expect((Reflect.get(remote, 'longIds') as Map<unknown, unknown>).size).toBe(0);
  });

  it('keeps the long id of a task that could not be returned', () => {
    const { remote, deliver, take, read } = openTable();
    const long = 'x'.repeat(100);
    take(long);
    deliver();
    const record = remote.records[0]!;
    record.hold();
    record.seize();
    record.takeBack();

    const meanwhile = read(); // a beat
    record.holdAgain();
    record.release();

    expect(meanwhile).toEqual([]);
    expect(read()).toEqual([`q/${long}`]);
  });

  it('reads a record that the heartbeat uses, and leaves it in use', () => {
    const { remote, deliver, take, read } = openTable();
    take('used');
    deliver();
    remote.records[0]!.seize();

    expect(read()).toEqual(['q/used']);
    expect(remote.records[0]!.isInUse).toBe(true);
  });
});

describe('RecordPool', () => {
  it('fills the record that was freed last', () => {
    const { take } = openTable();
    const [first] = [take('a'), take('b')];
    first.end();

    expect(take('c').record).toBe(first.record);
  });

  it('does not fill a record that the heartbeat uses, and does when it is released', () => {
    const { remote, deliver, take, news } = openTable();
    const tasks = Array.from({ length: RECORDS_PER_SEGMENT }, (_, n) => take(`task-${n}`));
    deliver();
    for (const record of remote.records) record.seize();
    for (const task of tasks) task.end();

    const whileInUse = take('grows').record;
    for (const record of remote.records) record.release();
    const later = Array.from({ length: 2 * RECORDS_PER_SEGMENT - 1 }, (_, n) => take(`later-${n}`).record.slot);

    expect(whileInUse.slot).toBe(RECORDS_PER_SEGMENT);
    expect(new Set(later).size).toBe(2 * RECORDS_PER_SEGMENT - 1);
    expect(news.filter(({ kind }) => kind === 'segment')).toHaveLength(1);
  });
});
