import { aloneRecord, readCrashes, readUnknownSinceMs } from '../../wire/attempt-record.js';
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

const NONE: ReadonlySet<string> = new Set();

export function leaseOps(store: MemoryStore): LeaseOps {
  return {
    async fetch(queueName, limit, leaseMs, passOver = [], withSince = false) {
      const queue = store.queue(queueName);
      if (queue.pausedAtS !== undefined) return { tasks: [], isPaused: true, remaining: 0 };
      const expiresAtS = ceilS(store.clock.nowMs() + leaseMs);
      const tasks: LeasedTask[] = [];
      const orphans: string[] = [];
      const most = Math.min(limit, MOST_PER_FETCH);
      const passed = passOver.length > 0 ? new Set(passOver) : NONE;
      let bytes = 0;
      let taken = 0;
      let passedOver = 0;
      const ids = nextUp(queue, most + passed.size);
      for (let nth = ids.length - 1; nth >= 0; nth--) {
        const id = ids[nth]!;
        if (taken === most) break;
        if (passed.has(id)) {
          passedOver += 1;
          continue;
        }
        const stored = queue.tasks.get(id);
        const size = stored?.msg?.length ?? 0;
        bytes += size;
        if (bytes > MOST_FETCHED_BYTES && bytes > size) break;
        queue.pending.delete(id);
        taken += 1;
        const task = leaseTask(queue, id, expiresAtS, withSince);
        if (task) tasks.push(task);
        else if (!queue.tasks.has(id)) orphans.push(id);
      }
      const remaining = queue.pending.size - passedOver;
      // Without this turn a busy queue would run in microtasks only, and timers and sockets would starve.
      if (tasks.length > 0) await store.turns.next();
      return {
        tasks,
        isPaused: false,
        remaining,
        passedOver: passedOver > 0 ? passedOver : undefined,
        orphans: orphans.length > 0 ? orphans : undefined,
      };
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

    async noteAlone(message, claim, isAlone) {
      const queue = store.queue(message.queue);
      const task = queue.tasks.get(message.id);
      if (task?.state !== 'active' || !ownsLease(queue, claim)) return false;
      task.alone = isAlone ? aloneRecord(message) : undefined;
      return true;
    },
  };
}

/** Up to `limit` ids, the next to run last. */
function nextUp({ pending }: MemoryQueue, limit: number): string[] {
  return pending.slice(Math.max(pending.size - limit, 0), limit);
}

/** `undefined` when the task cannot run: it was dropped or quarantined. */
function leaseTask(queue: MemoryQueue, id: string, expiresAtS: number, withSince: boolean): LeasedTask | undefined {
  const task = queue.tasks.get(id);
  const stored = queue.read(id);
  if (!task || !stored) {
    queue.dropOrphan(id);
    return undefined;
  }
  const sinceNs = withSince ? task.pendingSinceNs : undefined;
  const pendingSinceMs = sinceNs === undefined ? undefined : Number(sinceNs) / 1e6;
  task.pendingSinceNs = undefined;
  task.cancelThen = task.progress = task.alone = undefined;
  if (!stored.isSound) {
    queue.quarantine(id, task, stored.message);
    return undefined;
  }
  task.state = 'active';
  queue.active.pushLeft(id);
  queue.lease.set(id, expiresAtS);
  const { message } = stored;
  const unknownTypeSinceMs = readUnknownSinceMs(task.unknownSinceMs, message);
  const crashes = task.crashes === undefined ? undefined : readCrashes(task.crashes, message, 'active').total;
  return { message, leaseExpiresAtS: expiresAtS, unknownTypeSinceMs, crashes, pendingSinceMs };
}

/** Whether the claiming server wrote the lease. A lost lease has no score, or that of its next owner. */
export function ownsLease(queue: MemoryQueue, { id, expiriesS }: LeaseClaim): boolean {
  const score = queue.lease.score(id);
  return score !== undefined && expiriesS.includes(score);
}
