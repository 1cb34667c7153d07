import type { Broker } from '../broker/contract/broker.js';
import { monotonicMs } from '../runtime/clock.js';
import { silentLogger } from '../runtime/logger.js';
import type { LeaseHandle } from '../server/leases/lease-handle.js';
import { openRunningLeases } from '../server/leases/open-running-leases.js';

/** The leases of a server without its other parts, with the heartbeat in a thread. */
export interface TrackedTasks extends AsyncDisposable {
  /** Fetches up to so many tasks of a queue and tracks them; with `holdForMs` they are held. */
  take(queue: string, count: number, holdForMs?: number): Promise<TakenTask[]>;
}

export interface TakenTask {
  readonly lease: LeaseHandle;
  /** As a server begins a held task now. */
  begin(): boolean;
}

export function openTrackedTasks(
  broker: Broker,
  url: string,
  times: { leaseMs: number; intervalMs: number },
): TrackedTasks {
  const { clock } = broker;
  const identity = {
    host: 'h',
    pid: 1,
    serverId: 'tracked',
    concurrency: 1_000,
    queues: {},
    strictPriority: false,
    startedAtMs: clock.nowMs(),
  };
  const options = {
    identity,
    ...times,
    heartbeat: 'thread' as const,
    connection: { url },
    onCancel: () => undefined,
  };
  const leases = openRunningLeases(broker, options, { clock, logger: silentLogger });
  const started = leases.start();
  const now = () => ({ startedAtMs: clock.nowMs(), deadlineMs: clock.nowMs() + 3_600_000 });
  return {
    async take(queue, count, holdForMs) {
      await started;
      const { tasks } = await broker.fetch(queue, count, times.leaseMs);
      const returnAtMs = holdForMs === undefined ? undefined : monotonicMs(clock) + holdForMs;
      const handles = leases.track(
        tasks.map((task) => ({ task, ...now() })),
        { returnAtMs },
      );
      return handles.map((lease) => ({ lease, begin: () => lease.begin(now(), monotonicMs(clock)) }));
    },
    async [Symbol.asyncDispose]() {
      await leases.stop();
    },
  };
}
