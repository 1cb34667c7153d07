import type { Client } from '@nestjs-asynq/core';
import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

/** Measures tasks under load: the duration of their calls, and the time from the call to the start. */
export interface Recorder {
  readonly callMs: number[];
  readonly pickUpMs: number[];
  readonly failures: string[];
  /** Enqueues a task and records its times. Never rejects. */
  enqueue(client: Client, queue: string, payload?: unknown): Promise<void>;
  /** The handler's side. */
  start(id: string): void;
  /** Resolves when every call has been answered and every accepted task has started. */
  settled(): Promise<void>;
}

export function openRecorder(): Recorder {
  const askedAtMs = new Map<string, number>();
  const begun = new Set<string>();
  const open = new Set<Promise<void>>();
  let onBegun: () => void = () => undefined;
  let count = 0;

  async function enqueueOne(client: Client, queue: string, taskId: string, payload: unknown): Promise<void> {
    try {
      await client.enqueue('load', payload, { queue, taskId });
      recorder.callMs.push(performance.now() - askedAtMs.get(taskId)!);
    } catch (error) {
      askedAtMs.delete(taskId);
      recorder.failures.push(String(error));
    }
  }

  const recorder: Recorder = {
    callMs: [],
    pickUpMs: [],
    failures: [],
    enqueue(client, queue, payload = {}) {
      const taskId = `${queue}-${++count}`;
      askedAtMs.set(taskId, performance.now());
      const call = enqueueOne(client, queue, taskId, payload).finally(() => open.delete(call));
      open.add(call);
      return call;
    },
    start(id) {
      const atMs = askedAtMs.get(id);
      if (atMs === undefined || begun.has(id)) return;
      begun.add(id);
      recorder.pickUpMs.push(performance.now() - atMs);
      onBegun();
    },
    async settled() {
      await Promise.all(open);
      while ([...askedAtMs.keys()].some((id) => !begun.has(id))) {
        await new Promise<void>((resolve) => (onBegun = resolve));
      }
    },
  };
  return recorder;
}

/** The quantile `q` of all values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}
