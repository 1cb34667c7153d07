import { decodeSchedulerEntry, encodeSchedulerEntry } from '../../wire/scheduler-entry.js';
import { HISTORY_SIZE, type PresenceOps } from '../contract/presence.js';
import type { MemoryStore } from './memory-store.js';

export function presenceOps(store: MemoryStore): PresenceOps {
  return {
    async writePresence(server, workers, ttlS) {
      const expiresAtMs = store.clock.nowMs() + ttlS * 1000;
      store.presence.set(server.serverId, { server: { ...server }, workers: [...workers] }, expiresAtMs);
    },

    async clearPresence({ serverId }) {
      store.presence.delete(serverId);
    },

    async writePlan(schedulerId, entries, ttlS) {
      // Encoded, as in Redis: later changes by the caller must not show here.
      const shown = entries.map((entry) => decodeSchedulerEntry(encodeSchedulerEntry(entry)));
      store.schedulers.set(schedulerId, shown, store.clock.nowMs() + ttlS * 1000);
    },

    async clearPlan(schedulerId) {
      store.schedulers.delete(schedulerId);
    },

    async recordEnqueueEvent(entryId, event) {
      const known = store.schedulerEvents.get(entryId) ?? [];
      store.schedulerEvents.set(entryId, [...known, event].slice(-HISTORY_SIZE));
    },

    async clearHistory(entryId) {
      store.schedulerEvents.delete(entryId);
    },

    async shownServers() {
      return store.presence.entries().map(([, shown]) => shown);
    },

    async schedulerEntries() {
      return store.schedulers.entries().flatMap(([, entries]) => entries);
    },

    async schedulerEvents(entryId, skip, limit) {
      return (store.schedulerEvents.get(entryId) ?? []).toReversed().slice(skip, skip + limit);
    },
  };
}
