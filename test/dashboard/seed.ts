import type { TaskDistributor, TaskInspector } from 'nestjs-asynq';
import { vi } from 'vitest';
import { HOSTILE } from './hostile.js';

/** Fills queues with tasks in all states; those of `email`, `default` and `reports` are run by the app. */
export async function seed(tasks: TaskDistributor, inspector: TaskInspector): Promise<void> {
  const member = (id: number) => ({ memberId: 4_200 + id, to: `ada.${id}@example.com`, template: 'welcome' });
  for (let id = 0; id < 14; id++)
    await tasks.enqueue('email:welcome', member(id), { queue: 'email', retention: '24h' });
  for (let id = 0; id < 7; id++) await tasks.enqueue('email:broken', member(id), { queue: 'email' });
  for (let id = 0; id < 3; id++) await tasks.enqueue('email:broken', member(id), { queue: 'email', maxRetry: 0 });
  for (let id = 0; id < 9; id++)
    await tasks.enqueue('email:welcome', member(id), { queue: 'email', processIn: `${id + 1}h` });
  for (let id = 0; id < 3; id++) await tasks.enqueue('report:long', { year: 2_020 + id }, { queue: 'reports' });
  for (let id = 0; id < 24; id++)
    await tasks.enqueue('payment:capture', { orderId: 9_000 + id, amount: '19.90' }, { queue: 'payments' });
  for (let id = 0; id < 5; id++)
    await tasks.enqueue('digest:mail', member(id), { queue: 'digests', group: id < 3 ? 'member:42' : 'member:7' });
  await tasks.enqueue(HOSTILE.type, new TextEncoder().encode(HOSTILE.payload), {
    queue: HOSTILE.queue,
    taskId: HOSTILE.id,
    processIn: '1h',
    unique: '2h',
    headers: { 'x-note': HOSTILE.header, traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
  });
  await tasks.enqueue('image:resize', Uint8Array.of(0xff, 0xd8, 0xff, 0x00, 0x10), {
    queue: 'images',
    processIn: '1h',
  });
  await inspector.pauseQueue('images');
  await vi.waitFor(
    async () => {
      const { retry, archived, completed } = await inspector.queueInfo('email');
      const { active } = await inspector.queueInfo('reports');
      if (retry < 7 || archived < 3 || completed < 14 || active < 3) throw new Error('the tasks have not run yet');
    },
    { timeout: 20_000, interval: 50 },
  );
}

/** The same, with an order that has failed, and without hostile names. */
export async function seedForPictures(tasks: TaskDistributor, inspector: TaskInspector): Promise<void> {
  const order =
    '{"orderId":12345678901234567890,"total":19.90,"customer":{"name":"Ada Lovelace","email":"ada@example.com"},' +
    '"items":[{"sku":"A-1","count":2},{"sku":"B-7","count":1}],"coupon":null,"express":true}';
  await seed(tasks, inspector);
  await inspector.purgeQueue(HOSTILE.queue);
  await tasks.enqueue('email:broken', new TextEncoder().encode(order), {
    queue: 'email',
    taskId: 'welcome-1',
    headers: { 'x-tenant': 'acme', traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
  });
  await vi.waitFor(async () => {
    if ((await inspector.taskInfo('email', 'welcome-1')).state !== 'retry') throw new Error('it has not failed yet');
  });
}
