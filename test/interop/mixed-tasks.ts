import type { EnqueueItem } from '@nestjs-asynq/core/internal';
import type { GoTask } from '../support/go-peer.js';

/** A task that either side can enqueue, and how often a server will attempt it. */
export interface MixedTask {
  readonly type: string;
  readonly payload: { readonly n: number; readonly text: string };
  readonly queue: string;
  readonly attempts: number;
  readonly taskId?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly maxRetry?: number;
  readonly processInMs?: number;
  readonly retentionMs?: number;
  readonly uniqueMs?: number;
}

type Kind = (n: number) => Partial<MixedTask> & { readonly type: string };

const kinds: readonly Kind[] = [
  () => ({ type: 'mix:succeed' }),
  () => ({ type: 'mix:succeed', processInMs: 1_500 }),
  () => ({ type: 'mix:succeed', uniqueMs: 60_000 }),
  () => ({ type: 'mix:echo', retentionMs: 600_000 }),
  (n) => ({ type: 'mix:succeed', headers: { 'trace-id': `trace-${n}`, ünïcode: '✓' } }),
  (n) => ({ type: 'mix:succeed', taskId: `custom:${n}` }),
  () => ({ type: 'mix:succeed', queue: 'mixed-low' }),
  () => ({ type: 'mix:fail-once', maxRetry: 3, attempts: 2 }),
  () => ({ type: 'mix:fail-always', maxRetry: 0 }),
  () => ({ type: 'mix:revoke' }),
];

/** `count` tasks of all kinds, in equal numbers. */
export function mixedTasks(count: number): MixedTask[] {
  return Array.from({ length: count }, (_, n) => ({
    payload: { n, text: `número ${n} 漢字 🚀` },
    queue: 'mixed',
    attempts: 1,
    ...kinds[n % kinds.length]!(n),
  }));
}

/** What Go enqueues; the payload is the JSON that our client would write. */
export function forGo({ attempts: _, payload, ...task }: MixedTask): GoTask {
  return { ...task, payload: Buffer.from(JSON.stringify(payload)) };
}

/** What our client enqueues. */
export function forUs(task: MixedTask): EnqueueItem {
  const { type, payload, queue, taskId, headers, maxRetry, processInMs, retentionMs, uniqueMs } = task;
  const delays = { processIn: processInMs, retention: retentionMs, unique: uniqueMs };
  return { type, payload, options: { queue, taskId, headers, maxRetry, ...delays } };
}
