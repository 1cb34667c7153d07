// Imported, so that fake timers of a user's test, which replace the global ones, do not hold up calls.
import { setImmediate } from 'node:timers';
import type { Broker } from '../contract/broker.js';

/** What clients and inspectors read, in loops perhaps; none of it belongs to a running server. */
const READ_IN_LOOPS = [
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

/** What clients and inspectors write, in loops perhaps. */
const WRITTEN_IN_LOOPS = [
  'enqueue',
  'moveTasks',
  'reschedule',
  'updatePayload',
  'requestCancel',
  'pause',
  'unpause',
  'removeQueue',
  'purgeQueue',
] as const satisfies readonly (keyof Broker)[];

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/**
 * Lets the event loop turn during each of these calls, as a round trip to Redis does: a program that makes one after the
 * other would keep the server in its process from ever running a task. What is read is as new as the answer; what is written
 * is written at once.
 */
export function yieldToLoop<Kind extends Broker>(broker: Kind): Kind {
  for (const name of READ_IN_LOOPS) {
    replace(broker, name, (call) => async (...args) => {
      await nextTurn();
      return call(...args);
    });
  }
  for (const name of WRITTEN_IN_LOOPS) {
    replace(broker, name, (call) => async (...args) => {
      const answer = await call(...args);
      await nextTurn();
      return answer;
    });
  }
  return broker;
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function replace(broker: Broker, name: keyof Broker, wrap: (call: Call) => Call): void {
  const call = (broker[name] as Call).bind(broker);
  Object.defineProperty(broker, name, { value: wrap(call), configurable: true, writable: true });
}
