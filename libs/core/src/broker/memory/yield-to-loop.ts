// Imported, so that fake timers of a user's test, which replace the global ones, do not hold up calls.
import { setImmediate } from 'node:timers';
import type { Broker } from '../contract/broker.js';

/** What clients and inspectors ask, in loops perhaps; none of it belongs to a running server. */
const ASKED_IN_LOOPS = [
  'awaitTask',
  'queueNames',
  'hasQueue',
  'queueStats',
  'findTask',
  'listSize',
  'scanIds',
  'listTasks',
  'scanTasks',
  'groupSizes',
  'dailyCounts',
  'shownServers',
  'schedulerEntries',
  'schedules',
] as const satisfies readonly (keyof Broker)[];

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/**
 * Lets the event loop turn before each of these calls, as a reply from Redis does: a program that asks again and again for
 * the state of a task would keep the server in its process from ever running it.
 */
export function yieldToLoop<Kind extends Broker>(broker: Kind): Kind {
  for (const name of ASKED_IN_LOOPS) {
    const call = (broker[name] as Call).bind(broker);
    const turning: Call = async (...args) => {
      await new Promise<void>((resolve) => setImmediate(resolve));
      return call(...args);
    };
    Object.defineProperty(broker, name, { value: turning, configurable: true, writable: true });
  }
  return broker;
}
