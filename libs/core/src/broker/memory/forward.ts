import type { ForwardOps } from '../contract/forward.js';
import type { MemoryQueue, MemoryStore } from './memory-store.js';
import { subscribe } from './subscribe.js';

export function forwardOps(store: MemoryStore): ForwardOps {
  return {
    async forwardDue(queueName, limit) {
      const queue = store.queue(queueName);
      const nowMs = store.clock.nowMs();
      let moved = 0;
      for (const source of [queue.scheduled, queue.retry]) {
        for (const id of source.upTo(nowMs, limit)) {
          source.delete(id);
          if (forward(queue, id)) moved += 1;
        }
      }
      return { moved, nextDueAtMs: earliest(queue.scheduled.first()?.score, queue.retry.first()?.score) };
    },

    async onNudge(queue, listener) {
      return subscribe(store.queue(queue).nudgeListeners, () => listener());
    },
  };
}

/** `false` when the task has no message: it is dropped. */
function forward(queue: MemoryQueue, id: string): boolean {
  const task = queue.tasks.get(id);
  if (!task?.msg) {
    queue.dropOrphan(id);
    return false;
  }
  task.dueAtMs = undefined;
  if (task.group) queue.makeAggregating(id, task, task.group);
  else queue.makePending(id, task, 'left');
  return true;
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
