import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Connection, isMemory, type MemoryConnection } from '../../broker/connection.js';
import { isBroker, isSharedClock } from '../../broker/open-broker.js';
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
 * Running leases with their heartbeat in a worker thread; in this thread when `heartbeat` is `'inline'`, when the
 * connection (an open broker or client, `'memory'`, options that contain functions) or the clock cannot be passed to
 * another thread, or when a bundler has left the thread's file behind.
 *
 * @param file the thread's program; `undefined`: there is none
 */
export function openRunningLeases(
  broker: Pick<LeaseOps, 'extendLeases'> & Pick<PresenceOps, 'writePresence' | 'clearPresence'>,
  options: RunningLeasesOptions,
  deps: LoopDeps,
  file: string | undefined = threadFile(),
): RunningLeases {
  const { identity, intervalMs, leaseMs, onCancel } = options;
  const settings = { identity, intervalMs, leaseMs };
  const factories: HeartbeatFactories = {
    inline: (shared, listener) => new Heartbeater(broker, settings, shared, listener, deps),
    thread: remoteHeartbeat(options, settings, deps, file),
  };
  return new RunningLeases(factories, settings, onCancel, deps);
}

function remoteHeartbeat(
  options: RunningLeasesOptions,
  settings: HeartbeatSettings,
  deps: LoopDeps,
  file: string | undefined,
): HeartbeatFactories['thread'] {
  const { heartbeat, connection } = options;
  if (heartbeat === 'inline' || isMemory(connection) || isMemoryBroker(connection)) return undefined;
  const reason = whyBoundToThread(connection, deps.clock);
  if (reason !== undefined || file === undefined) {
    deps.logger.info(`the heartbeat runs in the main thread: ${reason ?? WITHOUT_FILE}`);
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
    const spawn = (): Worker => new Worker(file, { workerData, execArgv: [], resourceLimits });
    return new RemoteHeartbeat(spawn, listener, deps);
  };
}

/** Nobody expects a thread for queues that only this process has. */
const isMemoryBroker = (connection: Connection): boolean => isBroker(connection) && connection.kind === 'memory';

const WITHOUT_FILE =
  'heartbeat-worker.js is not beside this code. In a bundle, add the entry "heartbeat-worker" of the package under this name, ' +
  'or set "heartbeat" to "inline"';

/** The file of the thread, beside this one. In a bundle it is there only if it was made an entry of its own. */
function threadFile(): string | undefined {
  if (typeof __dirname !== 'string') return undefined; // the bundle is an ES module
  const files = ['heartbeat-worker.js', 'heartbeat-worker.cjs'].map((name) => join(__dirname, name));
  return files.find((file) => existsSync(file));
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
