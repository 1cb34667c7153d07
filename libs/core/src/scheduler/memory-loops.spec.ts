import { expect, it, vi } from 'vitest';
import { Client } from '../client/client.js';
import { Inspector } from '../inspector/inspector.js';
import { silentLogger } from '../runtime/logger.js';
import { Scheduler } from './scheduler.js';

it.each<[title: string, call: (parts: { client: Client; inspector: Inspector; scheduler: Scheduler }) => unknown]>([
  ['Client.ping', (parts) => parts.client.ping()],
  ['Client.enqueue', (parts) => parts.client.enqueue('t')],
  ['Inspector.taskInfo', (parts) => parts.inspector.taskInfo('default', 'a')],
  ['Inspector.queueInfo', (parts) => parts.inspector.queueInfo('default', { memory: true })],
  ['Inspector.cancelTask', (parts) => parts.inspector.cancelTask('a')],
  ['Inspector.schedulerEvents', (parts) => parts.inspector.schedulerEvents('a')],
  ['Inspector.redisInfo', (parts) => parts.inspector.redisInfo()],
  ['Inspector.clusterSlot', (parts) => parts.inspector.clusterSlot('default')],
  ['Inspector.clusterNodes', (parts) => parts.inspector.clusterNodes('default')],
  ['Inspector.pauseSchedule', (parts) => parts.inspector.pauseSchedule('default', 'n')],
  ['Inspector.runSchedule', (parts) => parts.inspector.runSchedule('default', 'none').catch(() => undefined)],
  ['Inspector.removeSchedule', (parts) => parts.inspector.removeSchedule('default', 'none').catch(() => undefined)],
  ['Scheduler.pause', (parts) => parts.scheduler.pause('n')],
  ['Scheduler.resume', (parts) => parts.scheduler.resume('n')],
])('lets the event loop turn while %s is called again and again on queues in memory', async (_title, call) => {
  const connection = { memory: 'loop' };
  await using scheduler = new Scheduler({ connection, logger: silentLogger });
  scheduler.register('@daily', 't', undefined, { name: 'n' });
  await using client = new Client({ connection, logger: silentLogger });
  await using inspector = new Inspector({ connection, logger: silentLogger });
  const parts = { client, inspector, scheduler };
  await parts.client.enqueue('t', undefined, { taskId: 'a' });
  await scheduler.pause('n'); // stores it
  const turned = vi.fn<() => void>();
  setImmediate(turned);

  for (let calls = 0; calls < 100 && turned.mock.calls.length === 0; calls++) await call(parts);

  expect(turned).toHaveBeenCalledOnce();
});
