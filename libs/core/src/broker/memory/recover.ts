import { crashesOfArchived, encodeCrashes, oneMore, readCrashes } from '../../wire/attempt-record.js';
import { floorS, fromS } from '../../wire/unix-time.js';
import { cancelOutcomeFor } from '../../wire/cancel-record.js';
import { asRecovered, canceledOutcome } from '../canceled-attempt.js';
import { inOrder, MOST_EXPIRED } from '../fetch-order.js';
import { type RecoveredTask, type RecoverOps, recoverUpToMs } from '../contract/recover.js';
import type { Outcome } from '../contract/settle.js';
import { isPoison, poisonText } from '../poison.js';
import { LEASE_EXPIRED } from '../settled-message.js';
import type { MemoryQueue, MemoryStore } from './memory-store.js';
import { endAttempt } from './settle.js';

export function recoverOps(store: MemoryStore): RecoverOps {
  return {
    async recoverExpired(queueName, options) {
      const { graceMs, maxCrashes, limit } = options;
      const upToMs = recoverUpToMs(store.clock, options);
      const queue = store.queue(queueName);
      const nowMs = store.clock.nowMs();
      const recovered: RecoveredTask[] = [];
      const dead = inOrder(queue.lease.upTo(floorS(upToMs - graceMs), MOST_EXPIRED), (id) => queue.active.place(id));
      for (const id of dead.slice(-limit).reverse()) {
        const task = recover(queue, id, maxCrashes, nowMs);
        if (task) recovered.push(task);
      }
      const next = queue.lease.first();
      return { recovered, nextExpiryAtMs: next && fromS(next.score) + graceMs };
    },

    async repair(queueName, limit) {
      const queue = store.queue(queueName);
      const sets = [queue.lease, queue.scheduled, queue.retry, queue.archived, queue.completed];
      const from = queue.repairFrom;
      queue.repairFrom = sets.some((set) => set.size >= from + limit) ? from + limit : 0;
      // The oldest: the newest are being worked on. Invalid ids in `pending` are dropped when they are fetched.
      const active = queue.active.slice(Math.max(queue.active.size - limit, 0), limit);

      let orphansRemoved = 0;
      for (const id of new Set([active, ...sets.map((set) => set.slice(from, limit))].flat())) {
        if (queue.tasks.get(id)?.msg) continue;
        queue.dropOrphan(id);
        orphansRemoved += 1;
      }
      return { leasesAdded: addLeases(queue, active, floorS(store.clock.nowMs())), orphansRemoved };
    },
  };
}

/** `undefined` when the task has no message: it is dropped. One with an unusable message is left to the next fetch. */
function recover(queue: MemoryQueue, id: string, maxCrashes: number, nowMs: number): RecoveredTask | undefined {
  const task = queue.tasks.get(id);
  const stored = queue.read(id);
  if (!task || !stored) {
    queue.dropOrphan(id);
    return undefined;
  }
  const { message } = stored;
  const crashes = oneMore(readCrashes(task.crashes, message, 'active'), task.alone, message);
  const end = (outcome: Outcome): RecoveredTask => {
    endAttempt(queue, message, outcome, nowMs);
    return asRecovered(message, outcome, crashes.total, nowMs);
  };
  const requested = stored.isSound && task.cancelThen ? cancelOutcomeFor(message, task.cancelThen) : undefined;
  task.cancelThen = task.alone = undefined;
  if (requested) return end(canceledOutcome(message, requested, LEASE_EXPIRED, nowMs));
  if (isPoison(crashes, maxCrashes)) {
    const recovered = end({ kind: 'archive', error: poisonText(crashes) });
    task.crashes = crashesOfArchived(crashes, recovered.message);
    return recovered;
  }
  task.crashes = encodeCrashes(crashes, message);
  task.progress = task.unknownSinceMs = undefined;
  queue.release(id);
  queue.makePending(id, task, 'right');
  return { message, crashes: crashes.total, outcome: 'requeued' };
}

function addLeases(queue: MemoryQueue, ids: readonly string[], expiredAtS: number): number {
  const without = ids.filter((id) => queue.active.has(id) && !queue.lease.has(id));
  for (const id of without) queue.lease.set(id, expiredAtS);
  return without.length;
}
