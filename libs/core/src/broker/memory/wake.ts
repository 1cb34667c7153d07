import { LinkedAbort } from '../../runtime/abort.js';
import { LONGEST_TIMER_MS, monotonicMs } from '../../runtime/clock.js';
import { type Duty, MOST_WAKE_TOKENS, WAKE_TOKENS_LIFE_MS, type WakeOps } from '../contract/wake.js';
import type { MemoryQueue, MemoryStore } from './memory-store.js';
import { subscribe } from './subscribe.js';
import { Closing } from './waiters.js';

export function wakeOps(store: MemoryStore, brokerClosed: AbortSignal): WakeOps {
  const hold = (queueName: string, duty: Duty, serverId: string, leaseMs: number): void => {
    store.queue(queueName).duties.set(duty, serverId, store.clock.nowMs() + leaseMs);
    if (duty === 'leader') store.announced.add(queueName);
  };
  return {
    async takeDuty(queueName, duty, serverId, leaseMs) {
      if (store.queue(queueName).duties.get(duty) !== undefined) return false;
      hold(queueName, duty, serverId, leaseMs);
      return true;
    },

    async keepDuty(queueName, duty, serverId, leaseMs) {
      if (store.queue(queueName).duties.get(duty) !== serverId) return false;
      hold(queueName, duty, serverId, leaseMs);
      return true;
    },

    async dropDuty(queueName, duty, serverId) {
      const queue = store.queue(queueName);
      if (queue.duties.get(duty) !== serverId) return;
      queue.duties.delete(duty);
      if (duty === 'leader') queue.nudge();
    },

    /** A watch ends when it is closed, or the broker is. */
    async openWatch(queueName) {
      const closing = new Closing(brokerClosed);
      return {
        async peek(timeoutMs) {
          const queue = store.queue(queueName);
          return !closing.isOver && (queue.pending.size > 0 || (await queue.peekers.wait(timeoutMs, closing)));
        },
        async awaitToken(timeoutMs) {
          const queue = store.queue(queueName);
          return (
            !closing.isOver &&
            (takeToken(queue, monotonicMs(store.clock)) || (await queue.tokenWaiters.wait(timeoutMs, closing)))
          );
        },
        close: async () => closing.close(),
      };
    },

    async wakeIdle(queueName, count) {
      const queue = store.queue(queueName);
      const nowMs = monotonicMs(store.clock);
      let left = Math.max(tokensAt(queue, nowMs), Math.min(count, MOST_WAKE_TOKENS));
      while (left > 0 && queue.tokenWaiters.releaseOne()) left -= 1;
      queue.tokens = { count: left, expireAtMs: nowMs + WAKE_TOKENS_LIFE_MS };
    },

    async watchQueues({ onChange }) {
      const closing = new LinkedAbort([brokerClosed]);
      const reporting = new Set<string>();
      const reportNext = (name: string): void => {
        if (reporting.has(name)) return;
        reporting.add(name);
        void reportChange(store.queue(name), closing.signal, () => {
          reporting.delete(name);
          onChange(name);
        });
      };
      return {
        async waiting(queueNames) {
          for (const name of queueNames) if (!isWaiting(store.queue(name))) reportNext(name);
          return queueNames.filter((name) => isWaiting(store.queue(name)));
        },
        async awaitChanges(queueNames) {
          for (const name of queueNames) reportNext(name);
        },
        close: async () => {
          closing.release();
          closing.abort(undefined);
        },
      };
    },

    async waitingQueues(queueNames) {
      return queueNames.filter((name) => isWaiting(store.queue(name)));
    },
  };
}

const isWaiting = ({ pausedAtS, pending }: MemoryQueue): boolean => pausedAtS === undefined && pending.size > 0;

/** Reports that a task was pushed, or that the queue was unpaused. */
async function reportChange(queue: MemoryQueue, closed: AbortSignal, report: () => void): Promise<void> {
  const changed = new Closing(closed);
  const endNudges = subscribe(queue.nudgeListeners, () => changed.close());
  await queue.peekers.wait(LONGEST_TIMER_MS, changed);
  changed.close();
  await endNudges();
  if (!closed.aborted) report();
}

function takeToken(queue: MemoryQueue, nowMs: number): boolean {
  const count = tokensAt(queue, nowMs);
  if (count === 0) return false;
  queue.tokens = { ...queue.tokens, count: count - 1 };
  return true;
}

function tokensAt({ tokens }: MemoryQueue, nowMs: number): number {
  return nowMs < tokens.expireAtMs ? tokens.count : 0;
}
