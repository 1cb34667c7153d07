import { expect, it } from 'vitest';
import { openRedisQueue } from '../support/test-queue.js';
import { interfere } from './interfere.js';
import { shareRedis } from './shared-redis.js';

const shared = shareRedis();
const ids = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

it.each([
  ['all tasks', undefined],
  ['those that match', { texts: [Buffer.from('old-7')], ignoresCase: false }],
])('a scan for %s ends while many are enqueued between its reads', async (_, filter) => {
  await using q = openRedisQueue(shared.client);
  await q.seed({ pending: ids('old-', 700) });
  let waves = 0;
  const enqueueMany = () => q.broker.enqueue(ids(`wave-${waves++}-`, 600).map((id) => ({ message: q.message(id) })));
  interfere('lrange', 'after', enqueueMany, 99);

  const found = new Set<string>();
  let position: string | undefined;
  let pages = 0;
  do {
    const page = await q.broker.scanTasks(q.name, { state: 'pending' }, position, 500, filter);
    for (const { task } of page.tasks) found.add(task.message.id);
    position = page.next;
    pages += 1;
  } while (position !== undefined && pages < 20);

  expect(position).toBeUndefined();
  const wanted = ids('old-', 700).filter((id) => !filter || id.startsWith('old-7'));
  expect(wanted.filter((id) => !found.has(id))).toEqual([]);
});
