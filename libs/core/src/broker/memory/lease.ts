import { readUnknownSinceMs } from '../../wire/attempt-record.js';
import { ceilS } from '../../wire/unix-time.js';
import {
  type ExtendReply,
  type LeaseClaim,
  type LeasedTask,
  type LeaseOps,
  MOST_FETCHED_BYTES,
  MOST_PER_FETCH,
} from '../contract/lease.js';
import type { MemoryQueue, MemoryStore } from './memory-store.js';
import { requestedOutcome } from './waiting.js';

export function leaseOps(store: MemoryStore): LeaseOps {
  return {
    async fetch(queueName, limit, leaseMs) {
      const queue = store.queue(queueName);
      if (queue.pausedAtS !== undefined) return { tasks: [], isPaused: true, remaining: 0 };
      const expiresAtS = ceilS(store.clock.nowMs() + leaseMs);
      const tasks: LeasedTask[] = [];
      let bytes = 0;
      for (const id of nextUp(queue, Math.min(limit, MOST_PER_FETCH))) {
        const size = queue.tasks.get(id)?.msg?.length ?? 0;
        bytes += size;
        if (bytes > MOST_FETCHED_BYTES && bytes > size) break;
        queue.pending.delete(id);
        const task = leaseTask(queue, id, expiresAtS);
        if (task) tasks.push(task);
      }
      const remaining = queue.pending.size;
      // Without this turn a busy queue would run on promises alone, and timers and sockets would starve.
      if (tasks.length > 0) await new Promise((resolve) => setImmediate(resolve));
      return { tasks, isPaused: false, remaining };
    },

    async extendLeases(queueName, claims, expiresAtS) {
      const queue = store.queue(queueName);
      const lost: string[] = [];
      const cancelRequests: ExtendReply['cancelRequests'][number][] = [];
      for (const claim of claims) {
        const { id } = claim;
        if (!ownsLease(queue, claim)) {
          lost.push(id);
          continue;
        }
        queue.lease.set(id, expiresAtS);
        const outcome = requestedOutcome(queue.tasks.get(id));
        if (outcome) cancelRequests.push({ id, outcome });
      }
      return { lost, cancelRequests };
    },
  };
}

/** Up to `limit` ids, the one that runs next first. */
function nextUp({ pending }: MemoryQueue, limit: number): string[] {
  return pending.slice(Math.max(pending.size - limit, 0), limit).reverse();
}

/** `undefined` when the task cannot run: it was dropped or quarantined. */
function leaseTask(queue: MemoryQueue, id: string, expiresAtS: number): LeasedTask | undefined {
  const task = queue.tasks.get(id);
  const stored = queue.read(id);
  if (!task || !stored) {
    queue.dropOrphan(id);
    return undefined;
  }
  task.pendingSinceNs = undefined;
  task.cancelThen = task.progress = undefined;
  if (!stored.isSound) {
    queue.quarantine(id, task, stored.message);
    return undefined;
  }
  task.state = 'active';
  queue.active.pushLeft(id);
  queue.lease.set(id, expiresAtS);
  const { message } = stored;
  const unknownTypeSinceMs = readUnknownSinceMs(task.unknownSinceMs, message);
  return { message, leaseExpiresAtS: expiresAtS, unknownTypeSinceMs };
}

/** Whether the lease is one that the claiming server wrote. A lost lease has no score, or that of its next owner. */
export function ownsLease(queue: MemoryQueue, { id, expiriesS }: LeaseClaim): boolean {
  const score = queue.lease.score(id);
  return score !== undefined && expiriesS.includes(score);
}
