import { monotonicMs } from '../../runtime/clock.js';
import { queueMicrotask } from '../../runtime/microtasks.js';
import { compareEventIds } from '../event-id.js';
import {
  BEFORE_ALL_EVENTS,
  type EventLimits,
  type EventOps,
  MOST_EVENTS,
  type StoredEvent,
} from '../contract/events.js';
import type { MemoryQueue, MemoryStore } from './memory-store.js';
import { subscribe } from './subscribe.js';

export function eventOps(store: MemoryStore): EventOps {
  return {
    async publishEvents(queueName, events, limits) {
      if (events.length === 0) return;
      const queue = store.queue(queueName);
      append(queue, events, limits);
      const lastId = queue.stream!.entries.at(-1)!.id;
      for (const listener of queue.eventListeners) queueMicrotask(() => listener(lastId));
    },

    async readEvents(queue, fromId) {
      const entries = entriesOf(store.queue(queue));
      const at = entries.findIndex(({ id }) => compareEventIds(id, fromId) >= 0);
      return at < 0 ? [] : entries.slice(at, at + MOST_EVENTS + 1);
    },

    async lastEventId(queue) {
      return entriesOf(store.queue(queue)).at(-1)?.id ?? BEFORE_ALL_EVENTS;
    },

    async onEvents(queue, listener) {
      return subscribe(store.queue(queue).eventListeners, (lastId) => listener(lastId));
    },
  };
}

function append(queue: MemoryQueue, events: readonly string[], { maxLength, lifeMs }: EventLimits): void {
  const entries = [...entriesOf(queue)];
  for (const event of events) entries.push({ id: nextId(queue, entries.at(-1)?.id), event });
  queue.stream = { entries: entries.slice(-maxLength), expiresAtMs: monotonicMs(queue.clock) + lifeMs };
}

/** As in Redis, ids go on when the clock is set back. */
function nextId({ clock }: MemoryQueue, lastId = BEFORE_ALL_EVENTS): string {
  const [lastMs = 0, lastNumber = 0] = lastId.split('-').map(Number);
  const nowMs = clock.nowMs();
  return nowMs > lastMs ? `${nowMs}-0` : `${lastMs}-${lastNumber + 1}`;
}

function entriesOf(queue: MemoryQueue): readonly StoredEvent[] {
  if (queue.stream && queue.stream.expiresAtMs <= monotonicMs(queue.clock)) queue.stream = undefined;
  return queue.stream?.entries ?? [];
}
