import { Worker } from 'node:worker_threads';
import { type Connection, isMemory, type MemoryConnection } from '../../broker/connection.js';
import { isSharedClock } from '../../broker/open-broker.js';
import type { LeaseOps } from '../../broker/contract/lease.js';
import type { PresenceOps } from '../../broker/contract/presence.js';
import type { Clock } from '../../runtime/clock.js';
import type { LoopDeps } from '../../runtime/loop.js';
import { type CancelRequest, Heartbeater, type HeartbeatSettings } from './heartbeater.js';
import { type HeartbeatFactories, RunningLeases } from './running-leases.js';
import { type HeartbeatThreadData, RemoteHeartbeat } from './remote-heartbeat.js';

export interface RunningLeasesOptions extends HeartbeatSettings {
  /** `undefined`: in a thread if possible. */
  readonly heartbeat: 'thread' | 'inline' | undefined;
  /** The thread opens it again. */
  readonly connection: Connection;
  /** Called for running tasks with a cancel request, at every beat. */
  readonly onCancel: (request: CancelRequest) => void;
}

/** The thread lives on little: with the defaults of V8 it takes 20 MB more for garbage that it could collect. */
const resourceLimits = { maxYoungGenerationSizeMb: 1 };

/**
 * Running leases with their heartbeat in a worker thread; in this thread when `heartbeat` is `'inline'`, or when the
 * connection (an open broker or client, `'memory'`, options that contain functions) or the clock cannot be passed to
 * another thread.
 */
export function openRunningLeases(
  broker: Pick<LeaseOps, 'extendLeases'> & Pick<PresenceOps, 'writePresence' | 'clearPresence'>,
  options: RunningLeasesOptions,
  deps: LoopDeps,
): RunningLeases {
  const { identity, intervalMs, leaseMs, onCancel } = options;
  const settings = { identity, intervalMs, leaseMs };
  const factories: HeartbeatFactories = {
    inline: (shared, listener) => new Heartbeater(broker, settings, shared, listener, deps),
    thread: remoteHeartbeat(options, settings, deps),
  };
  return new RunningLeases(factories, settings, onCancel, deps);
}

function remoteHeartbeat(
  options: RunningLeasesOptions,
  settings: HeartbeatSettings,
  deps: LoopDeps,
): HeartbeatFactories['thread'] {
  const { heartbeat, connection } = options;
  if (heartbeat === 'inline' || isMemory(connection)) return undefined;
  const reason = whyBoundToThread(connection, deps.clock);
  if (reason) {
    deps.logger.info(`the heartbeat runs in the main thread: ${reason}`);
    return undefined;
  }
  const option = uncopyable(connection);
  if (option !== undefined) {
    const effect = 'a handler that blocks the event loop for longer than leaseDuration loses its task';
    deps.logger.warn(`the heartbeat runs in the main thread, because connection.${option} cannot be copied: ${effect}`);
    return undefined;
  }
  return (pulse, listener) => {
    const workerData: HeartbeatThreadData = { connection, settings, pulse: pulse.buffer };
    // Without the flags of the main thread: their preloads are not meant for this thread.
    const spawn = (): Worker =>
      new Worker(new URL('./heartbeat-worker.js', import.meta.url), {
        workerData,
        execArgv: [],
        resourceLimits,
      });
    return new RemoteHeartbeat(spawn, listener, deps);
  };
}

/** Why the heartbeat cannot run in another thread with the same queues and clock; `undefined` when it can. */
function whyBoundToThread(
  connection: Exclude<Connection, 'memory' | MemoryConnection>,
  clock: Clock,
): string | undefined {
  if (!('url' in connection || 'cluster' in connection || 'sentinels' in connection)) {
    return 'the connection is already open in this thread';
  }
  return isSharedClock(clock) ? undefined : "the clock is not the machine's own";
}

/** The path of the first option that cannot be copied to another thread, such as a function; `undefined`: all can. */
function uncopyable(options: object): string | undefined {
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    if (isCopyable(value)) continue;
    const inner = typeof value === 'object' && value !== null ? uncopyable(value) : undefined;
    return inner === undefined ? name : `${name}.${inner}`;
  }
  return undefined;
}

function isCopyable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
