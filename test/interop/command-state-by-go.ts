import type { Redis } from 'ioredis';
import { expect, vi } from 'vitest';
import { GoPeer, type GoTask } from '../support/go-peer.js';
import type { RedisServer } from '../support/redis-server.js';
import { AHEAD_S, fixed, PAST_S } from './command-state-fixed.js';
import { type CommandState, readState } from './command-state.js';

const RETRY_DELAY_MS = 50 * 365 * 86_400_000;
const PATIENCE = { timeout: 20_000, interval: 50 };

/**
 * The state that Go's library leaves in Redis: tasks in every state, groups, a paused queue, running servers, and
 * schedulers with a history. Names and times that differ from run to run are replaced by fixed ones. Empties the
 * server.
 */
export async function stateByGo(server: RedisServer, redis: Redis): Promise<CommandState> {
  await redis.flushall();
  await actAsGo(server);
  const state = fixed(await readState(redis));
  await redis.flushall();
  return state;
}

const LONG_TEXT = 'no route to host; '.repeat(60).trim();
const text = (value: string): Buffer => Buffer.from(value);

/** Handled at once, each as the last part of its type says. */
const HANDLED: readonly GoTask[] = [
  { taskId: 'done-text', type: 'mail:echo', payload: text('"ok ✓ 日本"'), retentionMs: RETRY_DELAY_MS },
  { taskId: 'done-bytes', type: 'mail:echo', payload: Buffer.from([0xff, 0]), retentionMs: RETRY_DELAY_MS },
  { taskId: 'done-silent', type: 'mail:succeed', payload: text('{}'), retentionMs: RETRY_DELAY_MS },
  { taskId: 'gone', type: 'mail:succeed' },
  { taskId: 'retry-short', type: 'mail:fail-with', payload: text('smtp: 450 mailbox busy'), maxRetry: 3 },
  { taskId: 'retry-unicode', type: 'mail:fail-with', payload: text('Zeitüberschreitung: 日本 🎉') },
  { taskId: 'retry-long', type: 'mail:fail-with', payload: text(LONG_TEXT) },
  { taskId: 'archived', type: 'mail:fail-with', payload: text('unknown recipient'), maxRetry: 0 },
  { taskId: 'gave-up', type: 'mail:skip-retry', payload: text('[1,2,3]') },
  { taskId: 'active-1', type: 'mail:block', payload: text('{"n":1}'), headers: { tenant: 'a' } },
  { taskId: 'active-2', type: 'mail:block', payload: text('{"n":2}') },
].map((task) => ({ ...task, queue: 'mail' }));

/** Errors that no table can show unchanged; one per queue, since an extra line shifts all columns. */
const ODD: readonly GoTask[] = [
  { queue: 'lines', payload: text('line 1\nline 2') },
  { queue: 'tab', payload: text('left\tright') },
  { queue: 'escape', payload: text('\u001B[31mred') },
  { queue: 'silent', payload: text('') },
].map((task) => ({ ...task, taskId: 'odd', type: 'odd:fail-with' }));

/** Tasks in a queue without a server; more than fit on a page. */
const PENDING: readonly GoTask[] = [
  { taskId: 'p-unicode', type: 'größe', payload: text('{"name":"Jürgen 日本 🎉"}') },
  { taskId: 'p-bytes', type: 'image', payload: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff]) },
  { taskId: 'p-empty', type: 'ping' },
  { taskId: 'p-blank', type: 'ping', payload: text('   ') },
  { taskId: 'p-lines', type: 'ping', payload: text('two\nlines') },
  { taskId: 'p-space', type: 'ping', payload: text('no\u00A0break') },
  { taskId: 'p-long', type: 'ping', payload: text(JSON.stringify({ text: LONG_TEXT })) },
  ...Array.from({ length: 30 }, (_, n) => ({ taskId: `p-${n}`, type: 'count', payload: text(`{"n":${n}}`) })),
].map((task) => ({ ...task, queue: 'held' }));

const SCHEDULED: readonly GoTask[] = ['late-1', 'late-2', 'overdue', 'never-ran'].map((taskId, n) => ({
  ...{ taskId, type: 'reminder', queue: 'held', payload: text(`{"n":${n}}`) },
  processAtMs: (AHEAD_S + n * 3_600) * 1_000,
}));

const GROUPED: readonly GoTask[] = ['team-a', 'team-a', 'team-a', 'team b ö'].map((group, n) => ({
  ...{ taskId: `g-${n}`, type: 'digest', queue: 'digest', payload: text(`{"n":${n}}`), group },
}));

const PERIODIC: readonly (readonly [spec: string, task: GoTask])[] = [
  ['@every 1s', { type: 'often', queue: 'ticks', payload: Buffer.from([0xff]) }],
  [
    'CRON_TZ=Asia/Tokyo 0 6 1 1 *',
    {
      ...{ type: 'report', payload: text('{"kind":"日"}'), queue: 'a "queue"', taskId: 'new-year', group: 'team-a' },
      ...{ maxRetry: 3, timeoutMs: 90_000, deadlineAtMs: AHEAD_S * 1_000, uniqueMs: 3_600_000 },
      ...{ processAtMs: PAST_S * 1_000, processInMs: 1_800_000, retentionMs: 86_400_000 },
    },
  ],
];

async function actAsGo(server: RedisServer): Promise<void> {
  const worker = new GoPeer(server);
  const idler = new GoPeer(server);
  try {
    await enqueueAll(worker, [...HANDLED, ...ODD, ...PENDING, ...SCHEDULED, ...GROUPED]);
    await worker.pause('held');
    await worker.archive('held', 'never-ran');
    const odd = Object.fromEntries(ODD.map(({ queue }) => [queue!, 1]));
    const retryDelayMs = RETRY_DELAY_MS;
    await worker.serve({ queues: { mail: 6, ...odd }, concurrency: 10, taskCheckIntervalMs: 20, retryDelayMs });
    await idler.serve({ queues: { low: 1, critical: 5, bulk: 1 }, concurrency: 20, strictPriority: true });
    const [often] = await Promise.all(PERIODIC.map(([spec, task]) => idler.schedule(spec, task)));
    await vi.waitFor(async () => {
      const events = await idler.enqueueEvents(often!);
      const running = (await idler.servers()).map(({ activeTaskIds }) => activeTaskIds.length);
      expect(events.length).toBeGreaterThanOrEqual(2);
      expect(await idler.schedulerEntries()).toHaveLength(PERIODIC.length);
      expect(running.toSorted((one, other) => one - other)).toEqual([0, 2]);
      expect(await worker.queueInfo('mail')).toMatchObject({ active: 2, retry: 3, archived: 2, completed: 3 });
      for (const queue of Object.keys(odd)) expect(await worker.queueInfo(queue)).toMatchObject({ retry: 1 });
    }, PATIENCE);
  } finally {
    await Promise.all([worker.kill(), idler.kill()]);
  }
}

async function enqueueAll(go: GoPeer, tasks: readonly GoTask[]): Promise<void> {
  const refused = (await go.enqueue(tasks)).find((outcome) => 'error' in outcome);
  if (refused) throw new Error(refused.error);
}
