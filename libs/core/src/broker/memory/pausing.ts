import { floorS } from '../../wire/unix-time.js';
import type { MemoryStore } from './memory-store.js';

export function pause(store: MemoryStore, queueName: string): boolean {
  const queue = store.queue(queueName);
  if (queue.pausedAtS !== undefined) return false;
  queue.pausedAtS = floorS(store.clock.nowMs());
  return true;
}

export function unpause(store: MemoryStore, queueName: string): boolean {
  const queue = store.queue(queueName);
  if (queue.pausedAtS === undefined) return false;
  queue.pausedAtS = undefined;
  queue.nudge();
  return true;
}
