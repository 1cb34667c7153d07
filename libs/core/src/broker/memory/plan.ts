import {
  decodeSchedulerEntry,
  encodeSchedulerEntry,
  type SchedulerEnqueueEvent,
  type SchedulerEntry,
} from '../../wire/scheduler-entry.js';
import { HISTORY_SIZE } from '../schedule-roles.js';
import type { MemoryStore } from './memory-store.js';

export function writePlan(
  store: MemoryStore,
  schedulerId: string,
  entries: readonly SchedulerEntry[],
  ttlS: number,
): void {
  // Through the bytes, as in Redis: what a caller changes later must not show here.
  const shown = entries.map((entry) => decodeSchedulerEntry(encodeSchedulerEntry(entry)));
  store.schedulers.set(schedulerId, shown, store.clock.nowMs() + ttlS * 1000);
}

export function recordEnqueueEvent(store: MemoryStore, entryId: string, event: SchedulerEnqueueEvent): void {
  const known = store.schedulerEvents.get(entryId) ?? [];
  store.schedulerEvents.set(entryId, [...known, event].slice(-HISTORY_SIZE));
}
