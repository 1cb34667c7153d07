import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { BEFORE_ALL_EVENTS, type EventOps, MOST_EVENTS, type StoredEvent } from '../contract/events.js';
import type { RedisLink } from './redis-link.js';
import type { RedisSubscriber } from './redis-subscriber.js';

/** An entry as Redis replies it: id, then name and value of each field. */
type Entry = readonly [id: string, fields: readonly string[]];

export function eventOps(redis: RedisLink, subscriber: RedisSubscriber): EventOps {
  const typed = (queue: string) => () => [[keys.events(queue), 'stream'] as const];

  return {
    async publishEvents(queue, events, { maxLength, lifeMs }) {
      await redis.run(
        scripts.publishEvents,
        { events: keys.events(queue) },
        { maxLength, lifeMs, channel: keys.eventsChannel(queue) },
        events.map((event) => ({ event })),
      );
    },

    async readEvents(queue, fromId) {
      const entries = await redis.command(
        'XRANGE',
        (client) => client.xrange(keys.events(queue), fromId, '+', 'COUNT', MOST_EVENTS + 1),
        typed(queue),
      );
      return (entries as readonly Entry[]).map(toStored);
    },

    async lastEventId(queue) {
      const entries = await redis.command(
        'XREVRANGE',
        (client) => client.xrevrange(keys.events(queue), '+', '-', 'COUNT', 1),
        typed(queue),
      );
      return (entries as readonly Entry[])[0]?.[0] ?? BEFORE_ALL_EVENTS;
    },

    onEvents: (queue, listener) => subscriber.subscribe(keys.eventsChannel(queue), listener),
  };
}

/** An entry of another program has no event, and reads as an empty text. */
function toStored([id, fields]: Entry): StoredEvent {
  const at = fields.findIndex((name, i) => i % 2 === 0 && name === 'event');
  return { id, event: at < 0 ? '' : (fields[at + 1] ?? '') };
}
