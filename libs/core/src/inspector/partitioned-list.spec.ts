import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredTask, TaskList } from '../broker/contract/lists.js';
import { listSideBySide } from './partitioned-list.js';

const PENDING: TaskList = { state: 'pending' };

/** Queues of these sizes, whose tasks are named by queue and position; `read` counts the tasks read. */
function queues(sizes: readonly number[]) {
  const names = sizes.map((_, at) => `q${at}`);
  let read = 0;
  return {
    names,
    read: () => read,
    listSize: async (name: string) => sizes[names.indexOf(name)]!,
    async listTasks(name: string, _list: TaskList, skip: number, limit: number) {
      const ids = Array.from({ length: sizes[names.indexOf(name)]! }, (_, place) => `${name}-${place}`);
      const page = ids.slice(skip, skip + limit);
      read += page.length;
      return page.map((id) => ({ message: { id }, nextProcessAtMs: 0 }) as StoredTask);
    },
  };
}

const idsOf = (tasks: readonly StoredTask[]): string[] => tasks.map(({ message }) => message.id);

describe('listSideBySide', () => {
  it('reads all queues in turn', async () => {
    const q = queues([3, 1, 2]);

    const ids = idsOf(await listSideBySide(q, q.names, PENDING, 0, 10));

    expect(ids).toEqual(['q0-0', 'q1-0', 'q2-0', 'q0-1', 'q2-1', 'q0-2']);
  });

  it('shows each task on one page, in the order of all, and reads no more than a page', async () => {
    const sizes = fc.array(fc.nat(40), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 25 }), async (given, size) => {
        const q = queues(given);
        const total = given.reduce((sum, count) => sum + count, 0);
        const whole = idsOf(await listSideBySide(q, q.names, PENDING, 0, total + 1));
        const before = q.read();

        const pages: string[] = [];
        for (let skip = 0; skip < total; skip += size) {
          pages.push(...idsOf(await listSideBySide(q, q.names, PENDING, skip, size)));
        }

        expect(pages).toEqual(whole);
        expect([new Set(whole).size, q.read() - before]).toEqual([total, total]);
      }),
    );
  });
});
