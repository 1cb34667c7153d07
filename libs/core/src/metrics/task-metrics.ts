import type { Registry } from 'prom-client';
import { placeOf } from '../partitions/partition-name.js';
import { type Fetched, fetchChannel, type ScriptEnded, scriptChannel } from '../runtime/diagnostics.js';
import { OptionReader } from '../runtime/option-reader.js';
import type { TaskEvent, TaskEventListener } from '../task/task-event.js';
import { BATCH_BUCKETS, CALL_BUCKETS_S, HistogramCounts } from './histogram.js';
import { LabelCap } from './label-cap.js';
import {
  type FamilyHead,
  histogramSamples,
  type MetricFamily,
  registerFamilies,
  type Sample,
} from './metric-family.js';
import { MEASURED, TaskSeries } from './task-series.js';

/** Limits of what is measured about the tasks of a process. */
export interface TaskMetricsOptions {
  /** Maximum number of values of the label `queue`; tasks of further queues count as `other`. Default 200. */
  readonly maxQueues?: number | undefined;
  /** The same for the label `type`. Default 100. */
  readonly maxTypes?: number | undefined;
}

/** What is read from a server: `Server` of this package is one. */
export interface WatchedServer {
  readonly slots: { readonly total: number; readonly busy: number };
}

/**
 * Measures the tasks that this process handles: how long they wait and run, how they end, and what that costs Redis. Pass
 * `listener` to the server as `onEvent`.
 *
 * ```ts
 * const metrics = new TaskMetrics();
 * const server = new Server({ connection, onEvent: metrics.listener });
 * metrics.watch(server);
 * metrics.register(registry);
 * ```
 *
 * An event costs a look at a map or none, and a few additions; everything else is done when metrics are read. Times of
 * fetches and scripts are those of the whole process.
 */
export class TaskMetrics {
  /** Takes the events of the default connection. */
  readonly listener: TaskEventListener;
  private readonly connections: ConnectionTasks[] = [];
  private readonly queues: LabelCap;
  private readonly types: LabelCap;
  private readonly servers = new Set<WatchedServer>();
  private readonly scripts = new Map<string, HistogramCounts>();
  private readonly batches = new Map<string, HistogramCounts>();
  private readonly unregister: (() => void)[] = [];
  private readonly onScript = (message: unknown): void => this.noteScript(message as ScriptEnded);
  private readonly onFetch = (message: unknown): void => this.noteFetch(message as Fetched);

  /** @throws {InvalidOptionsError} an option is wrong; all of them at once */
  constructor(options: TaskMetricsOptions = {}) {
    const reader = new OptionReader(options);
    reader.onlyKnown(['maxQueues', 'maxTypes']);
    this.queues = new LabelCap(reader.wholeNumber('maxQueues', 200, 1, 10_000));
    this.types = new LabelCap(reader.wholeNumber('maxTypes', 100, 1, 10_000));
    reader.throwIfWrong();
    this.listener = this.listenerFor();
  }

  /**
   * Takes the events of one of several connections.
   * @param connection becomes the label `connection`; without it there is no such label
   */
  listenerFor(connection?: string): TaskEventListener {
    const tasks = new ConnectionTasks(connection, this.queues, this.types);
    this.connections.push(tasks);
    return (event) => tasks.note(event);
  }

  /** Counts the slots of this server among those that are busy, and that there are; until the returned function is called. */
  watch(server: WatchedServer): () => void {
    this.servers.add(server);
    return () => void this.servers.delete(server);
  }

  /**
   * Adds the metrics to a registry, and begins to measure fetches and scripts, until {@link close}.
   * @throws {Error} the registry has a metric of the same name
   */
  register(registry: Registry): void {
    this.unregister.push(registerFamilies(registry, this.families()));
    scriptChannel.subscribe(this.onScript);
    fetchChannel.subscribe(this.onFetch);
  }

  /** Ends the measuring of fetches and scripts, and takes the metrics out of their registries. Idempotent. */
  close(): void {
    for (const unregister of this.unregister.splice(0)) unregister();
    scriptChannel.unsubscribe(this.onScript);
    fetchChannel.unsubscribe(this.onFetch);
  }

  private noteScript({ script, tookMs }: ScriptEnded): void {
    let counts = this.scripts.get(script);
    if (!counts) this.scripts.set(script, (counts = new HistogramCounts(CALL_BUCKETS_S)));
    counts.observe(tookMs / 1_000);
  }

  private noteFetch({ queue, count }: Fetched): void {
    let counts = this.batches.get(queue);
    if (!counts) {
      const label = this.queues.of(placeOf(queue).queue);
      counts = this.batches.get(label) ?? new HistogramCounts(BATCH_BUCKETS);
      this.batches.set(label, counts);
    }
    counts.observe(count);
  }

  private get series(): TaskSeries[] {
    return this.connections.flatMap((tasks) => tasks.all);
  }

  private families(): MetricFamily[] {
    const of = (head: Omit<FamilyHead, 'aggregator'>, collect: () => Sample[]): MetricFamily => ({
      ...head,
      aggregator: 'sum',
      collect,
      reset: () => this.reset(),
    });
    const perSeries = (head: Omit<FamilyHead, 'aggregator'>, samples: (series: TaskSeries) => Sample[]) =>
      of(head, () => this.series.flatMap(samples));
    const perQueue = (head: Omit<FamilyHead, 'aggregator'>, samples: (series: TaskSeries) => Sample[]) =>
      of(head, () => joined(this.series.flatMap(samples)));
    return [
      perSeries(WAIT, ({ labels, wait }) =>
        wait.cumulative().count > 0 ? histogramSamples(WAIT.name, labels, wait) : [],
      ),
      perSeries(RUN, ({ labels, runs }) =>
        [...runs].flatMap(([outcome, counts]) => histogramSamples(RUN.name, { ...labels, outcome }, counts)),
      ),
      perSeries(RETRIED, ({ labels, retried }) => [{ labels, value: retried }]),
      perSeries(ARCHIVED, ({ labels, archived }) =>
        [...archived].map(([reason, value]) => ({ labels: { ...labels, reason }, value })),
      ),
      perQueue(LEASES_LOST, ({ labels: { type: _, ...labels }, leasesLost: value }) => [{ labels, value }]),
      perQueue(RECOVERED, ({ labels: { type: _, ...labels }, recovered }) =>
        [...recovered].map(([outcome, value]) => ({ labels: { ...labels, outcome }, value })),
      ),
      of(BATCH, () => [...this.batches].flatMap(([queue, counts]) => histogramSamples(BATCH.name, { queue }, counts))),
      of(SCRIPT, () =>
        [...this.scripts].flatMap(([script, counts]) => histogramSamples(SCRIPT.name, { script }, counts)),
      ),
      of(BUSY, () => this.slots('busy')),
      of(LIMIT, () => this.slots('total')),
    ];
  }

  private slots(which: 'busy' | 'total'): Sample[] {
    const value = [...this.servers].reduce((sum, { slots }) => sum + slots[which], 0);
    return [{ labels: {}, value }];
  }

  private reset(): void {
    for (const tasks of this.connections) tasks.reset();
    this.scripts.clear();
    this.batches.clear();
  }
}

/** The tasks of one connection, by queue and type. */
class ConnectionTasks {
  private readonly byQueue = new Map<string, Map<string, TaskSeries>>();
  private readonly byLabels = new Map<string, TaskSeries>();
  /** Most tasks are of the type of the one before. */
  private last: { readonly queue: string; readonly type: string; readonly series: TaskSeries } | undefined;

  constructor(
    private readonly connection: string | undefined,
    private readonly queues: LabelCap,
    private readonly types: LabelCap,
  ) {}

  get all(): readonly TaskSeries[] {
    return [...this.byLabels.values()];
  }

  note(event: TaskEvent): void {
    const { kind, queue, type } = event;
    if (!MEASURED.has(kind)) return;
    const { last } = this;
    const isSame = last !== undefined && last.type === type && last.queue === queue;
    (isSame ? last.series : this.find(queue, type)).note(event);
  }

  reset(): void {
    this.byQueue.clear();
    this.byLabels.clear();
    this.last = undefined;
  }

  private find(queue: string, type: string): TaskSeries {
    const series = this.byQueue.get(queue)?.get(type) ?? this.add(queue, type);
    this.last = { queue, type, series };
    return series;
  }

  /** Names beyond the limits share a series, and are not kept: there may be any number of them. */
  private add(queue: string, type: string): TaskSeries {
    const labels = {
      ...(this.connection !== undefined && { connection: this.connection }),
      queue: this.queues.of(queue),
      type: this.types.of(type),
    };
    const key = JSON.stringify([labels.queue, labels.type]);
    let series = this.byLabels.get(key);
    if (!series) this.byLabels.set(key, (series = new TaskSeries(labels)));
    if (labels.queue !== queue || labels.type !== type) return series;
    const types = this.byQueue.get(queue);
    if (types) types.set(type, series);
    else this.byQueue.set(queue, new Map([[type, series]]));
    return series;
  }
}

/** Adds up samples of equal labels. */
function joined(samples: readonly Sample[]): Sample[] {
  const sums = new Map<string, Sample>();
  for (const sample of samples) {
    const key = JSON.stringify(Object.values(sample.labels));
    const value = (sums.get(key)?.value ?? 0) + sample.value;
    sums.set(key, { ...sample, value });
  }
  return [...sums.values()];
}

const WAIT = {
  name: 'asynq_task_wait_seconds',
  help: 'How long tasks were pending before an attempt started in this process.',
  type: 'histogram',
} as const;
const RUN = {
  name: 'asynq_task_run_seconds',
  help: 'How long attempts took in this process; outcome is success, retry, archived, revoked or lease_lost.',
  type: 'histogram',
} as const;
const RETRIED = {
  name: 'asynq_tasks_retried_total',
  help: 'Attempts of this process after which the task is retried.',
  type: 'counter',
} as const;
const ARCHIVED = {
  name: 'asynq_tasks_archived_total',
  help: 'Tasks archived by this process; reason is retries_exhausted, skip_retry, deadline, unknown_type, canceled or crashes.',
  type: 'counter',
} as const;
const LEASES_LOST = {
  name: 'asynq_leases_lost_total',
  help: 'Attempts of this process whose outcome was dropped because their lease was lost.',
  type: 'counter',
} as const;
const RECOVERED = {
  name: 'asynq_tasks_recovered_total',
  help: 'Tasks of lost workers that this process recovered; outcome is requeued, archived, retried or deleted.',
  type: 'counter',
} as const;
const BATCH = {
  name: 'asynq_fetch_batch_size',
  help: 'Tasks in a reply to a fetch of this process.',
  type: 'histogram',
} as const;
const SCRIPT = {
  name: 'asynq_script_seconds',
  help: 'Round trip of a script call of this process.',
  type: 'histogram',
} as const;
const BUSY = {
  name: 'asynq_workers_busy',
  help: 'Slots of this process in which a handler runs.',
  type: 'gauge',
} as const;
const LIMIT = {
  name: 'asynq_workers_limit',
  help: 'Slots of this process: how many handlers can run at one time.',
  type: 'gauge',
} as const;
