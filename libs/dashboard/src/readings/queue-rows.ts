import type { QueueRow, QueueSort, StateCounts, Totals, Trouble } from '../api/queues.js';
import type { QueueInfo, ServerInfo, TaskState } from '@nestjs-asynq/core';
import { TASK_STATES } from '@nestjs-asynq/core/internal';
import type { Viewer } from '../access/viewer.js';
import { sortInSlices } from '../slices/sort-in-slices.js';
import { WorkSlices } from '../slices/work-slices.js';
import type { QueueReading } from './queue-reading.js';
import type { Readings } from './readings.js';
import { troublesOf, weightOf } from './troubles.js';

/** How long the judgement about a reading holds, in which only ages grow. */
const JUDGED_MS = 1_000;
/** A queue with a history takes as long as so many without: its rates are read from rings. */
const HISTORY_PIECES = 10;
/** Pieces of a row, with its sparkline. */
const ROW_PIECES = 10;

interface Judgement {
  readonly troubles: readonly Trouble[];
  readonly atMs: number;
}

interface KnownSums {
  readonly totals: Promise<Totals>;
  readonly version: number;
  readonly atMs: number;
}

/** Sums while they are made; those of rates are `undefined` as long as there is no rate. */
type Sums = { -readonly [Figure in Exclude<keyof Totals, 'counts'>]: Totals[Figure] } & {
  counts: Record<TaskState, number>;
};

/** Makes the rows and sums of one answer out of the last readings. What concerns all queues is done in slices. */
export class QueueRows {
  /** Shared by all answers: a reading is judged once. */
  private static readonly judgements = new WeakMap<QueueReading, Judgement>();
  private static readonly sums = new WeakMap<Readings, KnownSums>();
  private readonly slices = new WorkSlices();
  private visible: Promise<readonly string[]> | undefined;

  constructor(
    private readonly readings: Readings,
    private readonly viewer: Viewer,
    private readonly nowMs: number,
  ) {}

  /** Names of the queues that the viewer may see, sorted. */
  names(): Promise<readonly string[]> {
    this.visible ??= this.readNames();
    return this.visible;
  }

  private async readNames(): Promise<readonly string[]> {
    const { names } = this.readings;
    if (this.viewer.seesAll) return names;
    return this.filter(names, (queue) => this.viewer.sees(queue));
  }

  /** Those of the queues for which a condition holds. */
  async filter(queues: readonly string[], holds: (queue: string) => boolean): Promise<readonly string[]> {
    const found: string[] = [];
    for (const queue of queues) {
      await this.slices.take(this.piecesOf(queue));
      if (holds(queue)) found.push(queue);
    }
    return found;
  }

  troubles(queue: string): readonly Trouble[] {
    const reading = this.readings.of(queue);
    if (!reading) return [];
    const known = QueueRows.judgements.get(reading);
    if (known && this.nowMs - known.atMs < JUDGED_MS) return known.troubles;
    const troubles = troublesOf(reading, this.readings.historyOf(queue), this.readings.serversOf(queue), this.nowMs);
    QueueRows.judgements.set(reading, { troubles, atMs: this.nowMs });
    return troubles;
  }

  /** A row for each queue that has been read. */
  async rows(queues: readonly string[]): Promise<QueueRow[]> {
    const rows: QueueRow[] = [];
    for (const queue of queues) {
      await this.slices.take(ROW_PIECES + this.piecesOf(queue));
      const row = this.row(queue);
      if (row) rows.push(row);
    }
    return rows;
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
      servers: this.readings.serversOf(queue) ?? 0,
      troubles,
      partitions: info.partitions?.map((part) => part.queue),
      spark: history?.spark(this.nowMs) ?? [],
      right: right === 'none' ? 'view' : right,
      readAtMs: Number.isFinite(readAtMs) ? readAtMs : this.nowMs,
    };
  }

  /** Queues in the wanted order; those that were not read yet come last. */
  async sorted(queues: readonly string[], sort: QueueSort, order: 'asc' | 'desc'): Promise<readonly string[]> {
    if (sort === 'queue') return order === 'asc' ? queues : queues.toReversed();
    const sign = order === 'asc' ? 1 : -1;
    const keyed: { readonly queue: string; readonly key: number | undefined; readonly size: number }[] = [];
    for (const queue of queues) {
      await this.slices.take(this.piecesOf(queue));
      const info = this.readings.of(queue)?.info;
      keyed.push({ queue, key: info && this.sortKey(queue, info, sort), size: info?.size ?? 0 });
    }
    const sorted = await sortInSlices(
      keyed,
      (a, b) => {
        if (a.key === undefined || b.key === undefined)
          return Number(a.key === undefined) - Number(b.key === undefined);
        return (a.key - b.key) * sign || b.size - a.size || (a.queue < b.queue ? -1 : 1);
      },
      this.slices,
    );
    return sorted.map(({ queue }) => queue);
  }

  /** Those who see all see the same sums, which thousands of queues make dear: those who ask at once share them. */
  totals(): Promise<Totals> {
    if (!this.viewer.seesAll) return this.sumUp();
    const known = QueueRows.sums.get(this.readings);
    const { version } = this.readings;
    if (known?.version === version && this.nowMs - known.atMs < JUDGED_MS) return known.totals;
    const totals = this.sumUp();
    QueueRows.sums.set(this.readings, { totals, version, atMs: this.nowMs });
    return totals;
  }

  private async sumUp(): Promise<Totals> {
    const names = await this.names();
    const sums: Sums = {
      ...{ queues: names.length, paused: 0, troubled: 0, unreadQueues: 0 },
      ...{ size: 0, counts: Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Sums['counts'] },
      ...{ processedToday: 0, failedToday: 0, processedPerS: undefined, failedPerS: undefined, oldestWaitMs: 0 },
      ...{ servers: 0, busyWorkers: 0, workerLimit: 0 },
    };
    for (const queue of names) {
      await this.slices.take(this.piecesOf(queue));
      this.addQueue(sums, queue);
    }
    for (const server of this.readings.servers ?? []) await this.addServer(sums, server);
    return sums;
  }

  private addQueue(sums: Sums, queue: string): void {
    const info = this.readings.of(queue)?.info;
    if (!info) {
      sums.unreadQueues += 1;
      return;
    }
    sums.paused += Number(info.isPaused);
    sums.troubled += Number(this.troubles(queue).length > 0);
    sums.size += info.size;
    for (const state of TASK_STATES) sums.counts[state] += info[state];
    sums.processedToday += info.processedToday;
    sums.failedToday += info.failedToday;
    sums.oldestWaitMs = Math.max(sums.oldestWaitMs, info.latencyMs);
    const rates = this.readings.historyOf(queue)?.rates(this.nowMs);
    if (!rates) return;
    sums.processedPerS = (sums.processedPerS ?? 0) + rates.processedPerS;
    sums.failedPerS = (sums.failedPerS ?? 0) + rates.failedPerS;
  }

  private async addServer(sums: Sums, { queues, workers, concurrency }: ServerInfo): Promise<void> {
    if (
      !this.viewer.seesAll &&
      (await this.filter(Object.keys(queues), (queue) => this.viewer.sees(queue))).length === 0
    )
      return;
    await this.slices.take(workers.length);
    sums.servers += 1;
    sums.busyWorkers += workers.filter(({ queue }) => this.viewer.sees(queue)).length;
    sums.workerLimit += concurrency;
  }

  private piecesOf(queue: string): number {
    return this.readings.historyOf(queue) ? HISTORY_PIECES : 1;
  }

  private sortKey(queue: string, info: QueueInfo, sort: Exclude<QueueSort, 'queue'>): number {
    return sort === 'trouble' ? weightOf(this.troubles(queue)) : info[sort];
  }
}

function countsOf(info: StateCounts): StateCounts {
  const { active, pending, scheduled, retry, archived, completed, aggregating } = info;
  return { active, pending, scheduled, retry, archived, completed, aggregating };
}
