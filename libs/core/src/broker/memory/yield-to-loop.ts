// Imported, so that a test's fake timers, which replace the globals, do not block calls.
import { setImmediate } from 'node:timers';
import type { Broker } from '../contract/broker.js';

/** Reads that clients, inspectors and schedulers may call in loops; a running server needs none of them to take a task. */
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
  'archivedSince',
  'dailyCounts',
  'shownServers',
  'schedulerEntries',
  'schedules',
  'findSchedule',
  'scheduleQueues',
  'schedulerEvents',
  'memoryUsage',
  'readEvents',
  'lastEventId',
  'lockTtlS',
  'ping',
  'storeInfo',
  'storeNodes',
  'clusterSlot',
  'clusterNodes',
] as const satisfies readonly (keyof Broker)[];

/** Writes that clients, inspectors and schedulers may call in loops. */
const WRITTEN_IN_LOOPS = [
  'enqueue',
  'moveTasks',
  'reschedule',
  'updatePayload',
  'requestCancel',
  'publishCancel',
  'pause',
  'unpause',
  'removeQueue',
  'purgeQueue',
  'setSchedulePaused',
  'removeSchedule',
] as const satisfies readonly (keyof Broker)[];

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/**
 * Yields to the event loop during each of these calls, as a round trip to Redis does: a program that makes them in a
 * loop would keep the server in its process from ever running a task. Reads happen after the turn, so the answer is
 * current; writes happen before it.
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
