import { hostname } from 'node:os';
import type { ChartRange, Charts, Series } from '../api/charts.js';
import { QueueRows } from '../readings/queue-rows.js';
import { WorkSlices } from '../slices/work-slices.js';
import { COARSE, FINE, type KeptFigure, type QueueHistory } from '../readings/queue-reading.js';
import { ratesOf } from '../readings/ring.js';
import type { Read } from './read.js';

const RANGES: Readonly<Record<ChartRange, { readonly ring: 'fine' | 'coarse'; readonly points: number }>> = {
  '15m': { ring: 'fine', points: 90 },
  '1h': { ring: 'fine', points: FINE.slots },
  '6h': { ring: 'coarse', points: 360 },
  '24h': { ring: 'coarse', points: COARSE.slots },
};

/** The last point of one queue is of now, if Redis answers soon. */
const FRESH_MS = 1_500;
const WAIT_MS = 200;

/** Queues that nobody looks at are read every 10 s or a little later: a whole fine step, and some of the next. */
const HELD_STEPS = 2;

/** Points of a history that are added up in one turn of the event loop, each of five figures. */
const POINTS_PER_TURN = 3_000;

export const readCharts: Read = async ({ board, viewer, query }) => {
  const range = query.oneOf('range', Object.keys(RANGES) as ChartRange[]) ?? '1h';
  const queue = query.text('queue');
  query.done();
  if (queue !== undefined) viewer.checkSees(queue);
  const { readings } = board;
  await readings.ready();
  readings.look(queue === undefined ? [] : [queue]);
  if (queue !== undefined) await readings.freshen([queue], FRESH_MS, WAIT_MS);
  const queues = queue === undefined ? await new QueueRows(readings, viewer, board.nowMs()).names() : [queue];
  const histories = queues.map((name) => readings.historyOf(name)).filter((history) => history !== undefined);
  const nowMs = board.nowMs();
  const { ring, points } = RANGES[range];
  const { stepMs } = { fine: FINE, coarse: COARSE }[ring];
  const last = Math.floor(nowMs / stepMs);
  const answer: Charts = {
    range,
    stepMs,
    atMs: Array.from({ length: points }, (_, i) => (last - points + 1 + i) * stepMs),
    sinceMs: readings.sinceMs,
    process: `${hostname()}:${process.pid}`,
    series: await seriesOf(histories, ring, nowMs, points),
    isKept: histories.length > 0,
    types: board.typeTimes.read(nowMs, (name) => (queue === undefined ? viewer.sees(name) : name === queue)),
  };
  return answer;
};

async function seriesOf(
  histories: readonly QueueHistory[],
  ring: 'fine' | 'coarse',
  nowMs: number,
  points: number,
): Promise<Charts['series']> {
  const sums: Record<'processedPerS' | 'failedPerS' | 'pending' | 'active' | 'latencyMs', (number | null)[]> = {
    ...{ processedPerS: empty(points), failedPerS: empty(points) },
    ...{ pending: empty(points), active: empty(points), latencyMs: empty(points) },
  };
  const slices = new WorkSlices(POINTS_PER_TURN);
  for (const history of histories) {
    await slices.take(points);
    const kept = history[ring];
    const gauge = (figure: KeptFigure): Series => heldOver(kept.read(figure, nowMs, points));
    // One point more, as a rate needs the point before.
    const rate = (figure: KeptFigure): Series =>
      spreadOver(ratesOf(kept.read(figure, nowMs, points + 1), kept.stepMs)).slice(1);
    merge(sums.processedPerS, rate('processed'), add);
    merge(sums.failedPerS, rate('failed'), add);
    merge(sums.pending, gauge('pending'), add);
    merge(sums.active, gauge('active'), add);
    merge(sums.latencyMs, gauge('latencyMs'), Math.max);
  }
  return sums;
}

const empty = (points: number): (number | null)[] => new Array<number | null>(points).fill(null);

const add = (a: number, b: number): number => a + b;

function merge(into: (number | null)[], values: Series, join: (a: number, b: number) => number): void {
  for (const [at, value] of values.entries()) {
    const known = into[at] ?? null;
    if (value !== null) into[at] = known === null ? value : join(known, value);
  }
}

/**
 * Between two readings the earlier one holds: a queue that is read seldom must not dent the sum. The last one holds for
 * as long as the next may take to come.
 */
function heldOver(values: Series): Series {
  const end = values.findLastIndex((value) => value !== null) + HELD_STEPS;
  let held: number | null = null;
  return values.map((value, at) => (held = value ?? (at <= end ? held : null)));
}

/** A rate is that of the time since the reading before it. */
function spreadOver(rates: Series): Series {
  const spread = [...rates];
  const first = rates.findIndex((rate) => rate !== null);
  for (let at = rates.length - 2; at > first; at--) spread[at] ??= spread[at + 1]!;
  return spread;
}
