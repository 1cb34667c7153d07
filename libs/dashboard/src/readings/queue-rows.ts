import type { QueueRow, QueueSort, StateCounts, Totals, Trouble } from '../api/queues.js';
import type { QueueInfo } from '@nestjs-asynq/core';
import { TASK_STATES } from '@nestjs-asynq/core/internal';
import type { Viewer } from '../access/viewer.js';
import type { QueueReading } from './queue-reading.js';
import type { Readings } from './readings.js';
import { serversByQueue, troublesOf, weightOf } from './troubles.js';

/** How long the judgement about a reading holds, in which only ages grow. */
const JUDGED_MS = 1_000;

interface Judgement {
  readonly troubles: readonly Trouble[];
  readonly atMs: number;
}

interface KnownSums {
  readonly totals: Totals;
  readonly version: number;
  readonly atMs: number;
}

/** Makes the rows and sums of one answer out of the last readings. */
export class QueueRows {
  /** Shared by all answers: a reading is judged once. */
  private static readonly judgements = new WeakMap<QueueReading, Judgement>();
  private static readonly sums = new WeakMap<Readings, KnownSums>();
  private readonly servers: ReadonlyMap<string, number> | undefined;

  constructor(
    private readonly readings: Readings,
    private readonly viewer: Viewer,
    private readonly nowMs: number,
  ) {
    this.servers = readings.servers && serversByQueue(readings.servers);
  }

  /** Names of the queues that the viewer may see, sorted. */
  get names(): string[] {
    return this.readings.names.filter((queue) => this.viewer.sees(queue));
  }

  troubles(queue: string): readonly Trouble[] {
    const reading = this.readings.of(queue);
    if (!reading) return [];
    const known = QueueRows.judgements.get(reading);
    if (known && this.nowMs - known.atMs < JUDGED_MS) return known.troubles;
    const troubles = troublesOf(
      reading,
      this.readings.historyOf(queue),
      this.servers?.get(queue) ?? this.none,
      this.nowMs,
    );
    QueueRows.judgements.set(reading, { troubles, atMs: this.nowMs });
    return troubles;
  }

  /** A row for each queue that has been read. */
  rows(queues: readonly string[]): QueueRow[] {
    return queues.map((queue) => this.row(queue)).filter((row) => row !== undefined);
  }

  row(queue: string): QueueRow | undefined {
    const reading = this.readings.of(queue);
    return reading && this.rowOf(queue, reading.info, reading.atMs, this.troubles(queue));
  }

  /** Also for the parts of a partitioned queue, which have no history of their own. */
  rowOf(queue: string, info: QueueInfo, readAtMs: number, troubles: readonly Trouble[]): QueueRow {
    const history = this.readings.historyOf(queue);
    const rates = history?.rates(this.nowMs);
    const right = this.viewer.rightOn(queue);
    return {
      queue,
      size: info.size,
      counts: countsOf(info),
      groups: info.groups,
      processedToday: info.processedToday,
      failedToday: info.failedToday,
      processedTotal: info.processedTotal,
      failedTotal: info.failedTotal,
      isPaused: info.isPaused,
      pausedAtMs: info.pausedAt?.getTime(),
      latencyMs: info.latencyMs,
      processedPerS: rates?.processedPerS,
      failedPerS: rates?.failedPerS,
      servers: this.servers?.get(queue) ?? 0,
      troubles,
      partitions: info.partitions?.map((part) => part.queue),
      spark: history?.spark(this.nowMs) ?? [],
      right: right === 'none' ? 'view' : right,
      readAtMs: Number.isFinite(readAtMs) ? readAtMs : this.nowMs,
    };
  }

  /** Queues in the wanted order; those that were not read yet come last. */
  sorted(queues: readonly string[], sort: QueueSort, order: 'asc' | 'desc'): string[] {
    if (sort === 'queue') return order === 'asc' ? [...queues] : queues.toReversed();
    const sign = order === 'asc' ? 1 : -1;
    const keys = new Map(queues.map((queue) => [queue, this.sortKey(queue, sort)]));
    return queues.toSorted((a, b) => {
      const [keyA, keyB] = [keys.get(a), keys.get(b)];
      if (keyA === undefined || keyB === undefined) return Number(keyA === undefined) - Number(keyB === undefined);
      return (keyA - keyB) * sign || this.sizeOf(b) - this.sizeOf(a) || (a < b ? -1 : 1);
    });
  }

  /** Those who see all see the same sums, which thousands of queues make dear. */
  totals(): Totals {
    if (!this.viewer.seesAll) return this.sumUp();
    const known = QueueRows.sums.get(this.readings);
    const { version } = this.readings;
    if (known?.version === version && this.nowMs - known.atMs < JUDGED_MS) return known.totals;
    const totals = this.sumUp();
    QueueRows.sums.set(this.readings, { totals, version, atMs: this.nowMs });
    return totals;
  }

  private sumUp(): Totals {
    const queues = this.names;
    const infos = queues.map((queue) => this.readings.of(queue)?.info);
    const read = infos.filter((info) => info !== undefined);
    const sum = (figure: (info: QueueInfo) => number): number => read.reduce((total, info) => total + figure(info), 0);
    const rates = queues
      .map((queue) => this.readings.historyOf(queue)?.rates(this.nowMs))
      .filter((rate) => rate !== undefined);
    const servers = (this.readings.servers ?? []).filter(({ queues: served }) => this.seesAnyOf(Object.keys(served)));
    return {
      queues: queues.length,
      paused: read.filter(({ isPaused }) => isPaused).length,
      troubled: queues.filter((queue) => this.troubles(queue).length > 0).length,
      size: sum(({ size }) => size),
      counts: Object.fromEntries(TASK_STATES.map((state) => [state, sum((info) => info[state])])) as StateCounts,
      processedToday: sum((info) => info.processedToday),
      failedToday: sum((info) => info.failedToday),
      processedPerS: rates.length === 0 ? undefined : rates.reduce((total, rate) => total + rate.processedPerS, 0),
      failedPerS: rates.length === 0 ? undefined : rates.reduce((total, rate) => total + rate.failedPerS, 0),
      oldestWaitMs: read.reduce((longest, info) => Math.max(longest, info.latencyMs), 0),
      servers: servers.length,
      busyWorkers: servers.reduce(
        (busy, { workers }) => busy + workers.filter(({ queue }) => this.viewer.sees(queue)).length,
        0,
      ),
      workerLimit: servers.reduce((limit, { concurrency }) => limit + concurrency, 0),
      unreadQueues: infos.length - read.length,
    };
  }

  /** Without knowledge of the servers nothing is said about them. */
  private get none(): number | undefined {
    return this.servers && 0;
  }

  private seesAnyOf(queues: readonly string[]): boolean {
    return this.viewer.seesAll || queues.some((queue) => this.viewer.sees(queue));
  }

  private sizeOf(queue: string): number {
    return this.readings.of(queue)?.info.size ?? 0;
  }

  private sortKey(queue: string, sort: Exclude<QueueSort, 'queue'>): number | undefined {
    const info = this.readings.of(queue)?.info;
    if (!info) return undefined;
    return sort === 'trouble' ? weightOf(this.troubles(queue)) : info[sort];
  }
}

export function countsOf(info: StateCounts): StateCounts {
  const { active, pending, scheduled, retry, archived, completed, aggregating } = info;
  return { active, pending, scheduled, retry, archived, completed, aggregating };
}
