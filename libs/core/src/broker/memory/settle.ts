import { bindToAttempt } from '../../wire/attempt-record.js';
import { encodeTaskMessage, type TaskMessage } from '../../wire/task-message.js';
import { encodeProgress } from '../../wire/task-progress.js';
import { clampInt64, floorS } from '../../wire/unix-time.js';
import type { LeaseClaim } from '../contract/lease.js';
import type { Outcome, SettleOps, SettleReply } from '../contract/settle.js';
import { settledMessage } from '../settled-message.js';
import { ownsLease } from './lease.js';
import type { MemoryQueue, MemoryStore, MemoryTask } from './memory-store.js';
import { notifyWaiters, requestedOutcome } from './waiting.js';

export function settleOps(store: MemoryStore): SettleOps {
  return {
    async settle(queueName, settlements) {
      const queue = store.queue(queueName);
      const nowMs = store.clock.nowMs();
      const replies = new Array<SettleReply>(settlements.length);
      // In reverse: of tasks that return to the head of the queue, the last one pushed runs first.
      for (let index = settlements.length - 1; index >= 0; index--) {
        const { message, claim, outcome } = settlements[index]!;
        const reply = outcome.kind === 'requeue' ? requeueReply(queue, claim) : settleReply(queue, claim);
        if (reply === 'settled') endAttempt(queue, message, outcome, nowMs);
        replies[index] = reply;
      }
      return replies;
    },

    async requeue(queueName, claims) {
      const queue = store.queue(queueName);
      const replies: SettleReply[] = [];
      for (const [index, claim] of [...claims.entries()].reverse()) {
        const reply = requeueReply(queue, claim);
        if (reply === 'settled') returnToHead(queue, claim.id, release(queue, claim.id));
        replies[index] = reply;
      }
      return replies;
    },

    async writeResult(queueName, claim, result) {
      const task = runningTask(store, queueName, claim);
      if (task) task.result = Uint8Array.from(result);
      return task !== undefined;
    },

    readBackoff(queueName, taskId) {
      return store.queue(queueName).tasks.get(taskId)?.backoff;
    },

    async writeProgress(message, claim, progress) {
      const task = runningTask(store, message.queue, claim);
      if (task) task.progress = encodeProgress(progress, message);
      return task !== undefined;
    },
  };
}

const settleReply = (queue: MemoryQueue, claim: LeaseClaim): SettleReply =>
  ownsLease(queue, claim) ? 'settled' : 'leaseLost';

const requeueReply = (queue: MemoryQueue, claim: LeaseClaim): SettleReply =>
  ownsLease(queue, claim) ? (requestedOutcome(queue.tasks.get(claim.id)) ?? 'settled') : 'leaseLost';

/** Ends the attempt of a leased task, whichever server holds the lease. */
export function endAttempt(queue: MemoryQueue, message: TaskMessage, outcome: Outcome, nowMs: number): void {
  end(queue, release(queue, message.id), settledMessage(message, outcome, nowMs), outcome, nowMs);
}

/** Takes the task from its server, with what was noted about the attempt. */
function release(queue: MemoryQueue, id: string): MemoryTask {
  queue.release(id);
  const task = queue.task(id);
  task.cancelThen = task.alone = undefined;
  return task;
}

function returnToHead(queue: MemoryQueue, id: string, task: MemoryTask): void {
  task.progress = undefined;
  queue.makePending(id, task, 'right');
}

function end(queue: MemoryQueue, task: MemoryTask, message: TaskMessage, outcome: Outcome, nowMs: number): void {
  const { id } = message;
  switch (outcome.kind) {
    case 'done':
      queue.tasks.delete(id);
      queue.unlock(message.uniqueKey, id);
      queue.counters.count(nowMs, false);
      notifyWaiters(queue, id, 'deleted');
      return;
    case 'complete':
      task.msg = encodeTaskMessage(message);
      task.state = 'completed';
      task.unknownSinceMs = undefined;
      task.crashes = undefined;
      if (outcome.result) task.result = Uint8Array.from(outcome.result);
      queue.completed.set(id, floorS(nowMs) + clampInt64(message.retentionS));
      queue.unlock(message.uniqueKey, id);
      queue.counters.count(nowMs, false);
      notifyWaiters(queue, id, 'completed');
      return;
    case 'retry':
      task.msg = encodeTaskMessage(message);
      if (outcome.unknownTypeSinceMs === undefined) {
        // A handler has completed: this task did not cause the earlier crashes.
        task.unknownSinceMs = task.crashes = undefined;
      } else task.unknownSinceMs = bindToAttempt(outcome.unknownTypeSinceMs, message);
      queue.makeDelayed(id, task, 'retry', outcome.retryAtMs);
      if (outcome.isFailure) queue.counters.count(nowMs, true);
      return;
    case 'archive':
      task.unknownSinceMs = undefined;
      queue.archive(id, task, message);
      queue.counters.count(nowMs, true);
      notifyWaiters(queue, id, 'archived');
      return;
    case 'requeue':
      returnToHead(queue, id, task);
  }
}

/** `undefined` when the task is not active, or not owned by the claiming server. */
function runningTask(store: MemoryStore, queueName: string, claim: LeaseClaim): MemoryTask | undefined {
  const queue = store.queue(queueName);
  const task = queue.tasks.get(claim.id);
  return task?.state === 'active' && ownsLease(queue, claim) ? task : undefined;
}
