import type { Connection } from '../broker/connection.js';
import type { Broker } from '../broker/contract/broker.js';
import type { RecoveredTask } from '../broker/contract/recover.js';
import type { LoopDeps } from '../runtime/loop.js';
import { Aggregator } from './groups/aggregator.js';
import { BrokerCheck } from './upkeep/broker-check.js';
import { CancelListener } from './run/running/cancel-listener.js';
import { Forwarder } from './upkeep/forwarder.js';
import { partitionNames } from '../partitions/partition-name.js';
import { QueuePartitions } from '../partitions/queue-partitions.js';
import { PartitionFinder } from './upkeep/partition-finder.js';
import { HealthCheck } from './upkeep/health-check.js';
import { type CancelRequest, longestPauseMs, type ServerIdentity } from './leases/heartbeater.js';
import { Janitor } from './upkeep/janitor.js';
import type { LeaderRounds } from './upkeep/leader-rounds.js';
import type { RunningLeases } from './leases/running-leases.js';
import { openRunningLeases } from './leases/open-running-leases.js';
import { Processor } from './run/fetching/processor.js';
import { QueueWeights } from './run/fetching/queue-weights.js';
import { Recoverer } from './upkeep/recoverer.js';
import type { TaskRouter } from './run/running/serve-mux.js';
import { recoveredEvent } from './upkeep/recovered-event.js';
import type { ServerSettings } from './server-settings.js';
import { Settler } from './run/settling/settler.js';
import type { TaskTracer } from '../task/task-tracing.js';
import type { Leadership } from './watch/work-watcher.js';
import { WorkWatcher } from './watch/work-watcher.js';
import { RunLimits } from './run/running/run-limits.js';
import { WorkerPool } from './run/running/worker-pool.js';
import { VitalSigns } from './vital-signs.js';

/** Parts that run by themselves from start to shutdown. */
interface BackgroundPart {
  start(): void;
  stop(): Promise<void>;
}

/** The ordinary queues that a server serves from its start, with the weights of the queues that they belong to. */
export function servedQueues({ queues, partitions }: ServerSettings): Readonly<Record<string, number>> {
  const known = new QueuePartitions(partitions);
  const served = Object.entries(queues).flatMap(([queue, weight]) =>
    [queue, ...(known.of(queue) ?? [])].map((name) => [name, weight] as const),
  );
  return Object.fromEntries(served);
}

/** All parts of a server, wired and not started. */
export interface ServerParts {
  readonly runningLeases: RunningLeases;
  readonly processor: Processor;
  readonly workers: WorkerPool;
  readonly settler: Settler;
  readonly cancelListener: CancelListener;
  readonly vitalSigns: VitalSigns;
  /** In start order. No other part needs them while handlers drain. */
  readonly background: readonly BackgroundPart[];
}

interface PartsContext {
  readonly broker: Broker;
  /** `undefined`: nothing is traced. */
  readonly tracer: TaskTracer | undefined;
  /** As given by the user: the heartbeat thread opens it again. */
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
  for (const [queue, count] of Object.entries(settings.partitions)) {
    weights.addPartitions(queue, partitionNames(queue, count));
  }
  const watcher = openWatcher(context, settings, weights.queues, deps);
  const settler = new Settler(broker, settings.concurrency, deps);
  const workers = openWorkers(context, settings, settler);
  const runningLeases = openLeases(context, settings, workers, deps);
  const processing = { workers, settler, runningLeases, workSignal: watcher, clock, logger, emit: settings.emit };
  const upkeep = upkeepOf(weights.queues, broker, { leadership: watcher, runningLeases }, settings, deps);
  const processor = new Processor(broker, weights, settings, processing);
  const background: BackgroundPart[] = [];
  const serve = (queue: string, partition: string): void => {
    watcher.add(partition);
    for (const part of upkeep) part.add(partition);
    for (const part of aggregators(context, watcher, partition, settings, deps)) {
      background.push(part);
      part.start();
    }
    weights.addPartitions(queue, [partition]);
    processor.serve(partition);
  };
  background.push(
    new BrokerCheck(broker, weights.queues[0]!, deps),
    ...healthChecks(broker, settings, deps),
    ...upkeep,
    ...weights.queues.flatMap((queue) => aggregators(context, watcher, queue, settings, deps)),
    watcher,
    new PartitionFinder(broker, weights, serve, deps),
  );
  return {
    runningLeases,
    workers,
    settler,
    processor,
    cancelListener: new CancelListener(broker, (taskId) => void workers.cancel(taskId), deps),
    vitalSigns: new VitalSigns(broker, { runningLeases, processor, clock }),
    background,
  };
}

function openWatcher(
  { broker, identity }: PartsContext,
  { maxBlockingConnections, taskCheckIntervalMs, dutyLeaseMs }: ServerSettings,
  queues: readonly string[],
  deps: LoopDeps,
): WorkWatcher {
  const { serverId } = identity;
  const options = { queues, serverId, dutyLeaseMs, maxBlockingConnections, taskCheckIntervalMs };
  return new WorkWatcher(broker, options, deps);
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

function openWorkers({ broker, router, tracer }: PartsContext, settings: ServerSettings, settler: Settler): WorkerPool {
  const { concurrency, codec, errorHandler, emit, clock, logger, carried } = settings;
  return new WorkerPool(concurrency, settler, {
    router,
    results: broker,
    leases: broker,
    cancelRequests: broker,
    codec,
    failurePolicy: settings,
    errorHandler,
    emit,
    tracer,
    carried,
    clock,
    logger,
    limits: new RunLimits(settings.queueLimits, router),
  });
}

/** The leader's duties. */
function upkeepOf(
  queues: readonly string[],
  broker: Broker,
  { leadership, runningLeases }: { readonly leadership: Leadership; readonly runningLeases: RunningLeases },
  settings: ServerSettings,
  deps: LoopDeps,
): LeaderRounds[] {
  const { leaseMs, heartbeatIntervalMs: intervalMs, recoverGraceMs: graceMs, maxCrashes, archive } = settings;
  const onRecovered = (recovered: RecoveredTask): void => {
    settings.emit?.(recoveredEvent(recovered, settings.clock.nowMs()));
  };
  const pauseMs = longestPauseMs({ leaseMs, intervalMs });
  const isSteady = (): boolean => runningLeases.isSteady();
  const recovering = { leaseMs, graceMs, maxCrashes, onRecovered, pauseMs, isSteady };
  const trimming = { intervalMs: settings.janitorIntervalMs, batchSize: settings.janitorBatchSize, archive };
  return [
    new Recoverer(broker, leadership, queues, recovering, deps),
    new Forwarder(broker, leadership, queues, { intervalMs: settings.delayedTaskCheckIntervalMs }, deps),
    new Janitor(broker, leadership, queues, trimming, deps),
  ];
}

function aggregators(
  { broker, tracer }: PartsContext,
  leadership: Leadership,
  queue: string,
  { groupPlans: plans, codec, shutdownTimeoutMs, emit }: ServerSettings,
  deps: LoopDeps,
): BackgroundPart[] {
  if (!plans) return [];
  const options = { plans, codec, shutdownTimeoutMs, emit, tracer };
  return [new Aggregator(broker, leadership, queue, options, deps)];
}

function healthChecks(broker: Broker, settings: ServerSettings, deps: LoopDeps): BackgroundPart[] {
  const { onHealthCheck, healthCheckIntervalMs } = settings;
  return onHealthCheck ? [new HealthCheck(broker, healthCheckIntervalMs, onHealthCheck, deps)] : [];
}
