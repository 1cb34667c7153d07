import type { ForwardReply } from '../roles.js';
import type { MemoryQueue, MemoryStore } from './memory-store.js';

export function forwardDue(store: MemoryStore, queueName: string, limit: number): ForwardReply {
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
