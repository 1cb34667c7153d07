import type { Connection } from '../broker/connection.js';
import type { Broker } from '../broker/contract/broker.js';
import type { RecoveredTask } from '../broker/contract/recover.js';
import type { LoopDeps } from '../runtime/loop.js';
import { Aggregator } from './groups/aggregator.js';
import { BrokerCheck } from './upkeep/broker-check.js';
import { CancelListener } from './run/cancel-listener.js';
import { Forwarder } from './upkeep/forwarder.js';
import { HealthCheck } from './upkeep/health-check.js';
import { type CancelRequest, longestPauseMs, type ServerIdentity } from './leases/heartbeater.js';
import { Janitor } from './upkeep/janitor.js';
import type { RunningLeases } from './leases/running-leases.js';
import { openRunningLeases } from './leases/open-running-leases.js';
import { Processor } from './run/processor.js';
import { QueueWeights } from './run/queue-weights.js';
import { Recoverer } from './upkeep/recoverer.js';
import type { TaskRouter } from './run/serve-mux.js';
import { recoveredEvent } from './upkeep/recovered-event.js';
import type { ServerSettings } from './server-settings.js';
import { Settler } from './run/settler.js';
import { taskFields } from '../task/task-fields.js';
import type { Leadership } from './watch/work-watcher.js';
import { WorkWatcher } from './watch/work-watcher.js';
import { WorkerPool } from './run/worker-pool.js';

/** What runs on its own from start to shutdown. */
interface BackgroundPart {
  start(): void;
  stop(): Promise<void>;
}

/** All parts of a server, wired and not started. */
export interface ServerParts {
  readonly runningLeases: RunningLeases;
  readonly processor: Processor;
  readonly workers: WorkerPool;
  readonly settler: Settler;
  readonly cancelListener: CancelListener;
  /** In starting order. No other part needs them while handlers drain. */
  readonly background: readonly BackgroundPart[];
}

export interface PartsContext {
  readonly broker: Broker;
  /** As given by the user: the heartbeat's thread opens it again. */
  readonly connection: Connection;
  readonly identity: ServerIdentity;
  readonly router: TaskRouter;
}

/** Builds the parts of a server and connects them. */
export function assembleParts(context: PartsContext, settings: ServerSettings): ServerParts {
  const { broker } = context;
  const { clock, logger } = settings;
  const deps: LoopDeps = { clock, logger };
  const weights = new QueueWeights(settings.queues, settings.strictPriority);
  const watcher = openWatcher(context, settings, weights.queues, deps);
  const settler = new Settler(broker, settings.concurrency, deps);
  const workers = openWorkers(context, settings, settler);
  const runningLeases = openLeases(context, settings, workers, deps);
  const processing = { workers, settler, runningLeases, workSignal: watcher, clock, logger };
  const upkeep = weights.queues.flatMap((queue) =>
    upkeepOf(queue, broker, { leadership: watcher, runningLeases }, settings, deps),
  );
  return {
    runningLeases,
    workers,
    settler,
    processor: new Processor(broker, weights, settings.leaseMs, processing),
    cancelListener: new CancelListener(broker, (taskId) => void workers.cancel(taskId), deps),
    background: [
      new BrokerCheck(broker, deps),
      ...healthChecks(broker, settings, deps),
      ...upkeep,
      ...aggregators(broker, watcher, weights.queues, settings, deps),
      watcher,
    ],
  };
}

function openWatcher(
  { broker, identity }: PartsContext,
  { maxBlockingConnections, taskCheckIntervalMs }: ServerSettings,
  queues: readonly string[],
  deps: LoopDeps,
): WorkWatcher {
  const { serverId } = identity;
  return new WorkWatcher(broker, { queues, serverId, maxBlockingConnections, taskCheckIntervalMs }, deps);
}

function openLeases(
  { broker, connection, identity }: PartsContext,
  { heartbeat, heartbeatIntervalMs: intervalMs, leaseMs }: ServerSettings,
  workers: WorkerPool,
  deps: LoopDeps,
): RunningLeases {
  const onCancel = ({ queue, id, outcome }: CancelRequest): void => workers.cancelAs(queue, id, outcome);
  return openRunningLeases(broker, { heartbeat, connection, identity, intervalMs, leaseMs, onCancel }, deps);
}

function openWorkers({ broker, router }: PartsContext, settings: ServerSettings, settler: Settler): WorkerPool {
  const { concurrency, codec, errorHandler, emit, clock } = settings;
  return new WorkerPool(concurrency, settler, {
    router,
    results: broker,
    cancelRequests: broker,
    codec,
    failurePolicy: settings,
    errorHandler,
    emit,
    clock,
  });
}

/** The leader's duties for a queue. */
function upkeepOf(
  queue: string,
  broker: Broker,
  { leadership, runningLeases }: { readonly leadership: Leadership; readonly runningLeases: RunningLeases },
  settings: ServerSettings,
  deps: LoopDeps,
): BackgroundPart[] {
  const { leaseMs, heartbeatIntervalMs: intervalMs, recoverGraceMs: graceMs, maxCrashes, archive } = settings;
  const onRecovered = (recovered: RecoveredTask): void => {
    const fields = { ...taskFields(recovered.message), crashes: recovered.crashes };
    settings.logger.warn(`the worker of a task vanished; the task is ${recovered.outcome}`, fields);
    settings.emit?.(recoveredEvent(recovered, settings.clock.nowMs()));
  };
  const pauseMs = longestPauseMs({ leaseMs, intervalMs });
  const isSteady = (): boolean => runningLeases.isSteady();
  const recovering = { leaseMs, graceMs, maxCrashes, onRecovered, pauseMs, isSteady };
  const trimming = { intervalMs: settings.janitorIntervalMs, batchSize: settings.janitorBatchSize, archive };
  return [
    new Recoverer(broker, leadership, queue, recovering, deps),
    new Forwarder(broker, leadership, queue, { intervalMs: settings.delayedTaskCheckIntervalMs }, deps),
    new Janitor(broker, leadership, queue, trimming, deps),
  ];
}

function aggregators(
  broker: Broker,
  leadership: Leadership,
  queues: readonly string[],
  { groupPlans: plans, codec, shutdownTimeoutMs, emit }: ServerSettings,
  deps: LoopDeps,
): BackgroundPart[] {
  if (!plans) return [];
  const options = { plans, codec, shutdownTimeoutMs, emit };
  return queues.map((queue) => new Aggregator(broker, leadership, queue, options, deps));
}

function healthChecks(broker: Broker, settings: ServerSettings, deps: LoopDeps): BackgroundPart[] {
  const { onHealthCheck, healthCheckIntervalMs } = settings;
  return onHealthCheck ? [new HealthCheck(broker, healthCheckIntervalMs, onHealthCheck, deps)] : [];
}
