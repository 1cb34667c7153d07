import type { Duty } from '../roles.js';
import type { MemoryStore } from './memory-store.js';

export function takeDuty(
  store: MemoryStore,
  queueName: string,
  duty: Duty,
  serverId: string,
  leaseMs: number,
): boolean {
  const { duties } = store.queue(queueName);
  if (duties.get(duty) !== undefined) return false;
  duties.set(duty, serverId, store.clock.nowMs() + leaseMs);
  return true;
}

export function keepDuty(
  store: MemoryStore,
  queueName: string,
  duty: Duty,
  serverId: string,
  leaseMs: number,
): boolean {
  const { duties } = store.queue(queueName);
  if (duties.get(duty) !== serverId) return false;
  duties.set(duty, serverId, store.clock.nowMs() + leaseMs);
  return true;
}

export function dropDuty(store: MemoryStore, queueName: string, duty: Duty, serverId: string): void {
  const { duties } = store.queue(queueName);
  if (duties.get(duty) === serverId) duties.delete(duty);
}
