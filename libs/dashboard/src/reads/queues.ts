import { TASK_STATES } from '@nestjs-asynq/core/internal';
import { BOUNDS } from '../api/bounds.js';
import type {
  GroupPage,
  History,
  Overview,
  QueueDetails,
  QueueMemory,
  QueuePage,
  QueueSort,
  Warning,
} from '../api/queues.js';
import type { Viewer } from '../access/viewer.js';
import type { Board } from '../board.js';
import type { Fields } from '../http/fields.js';
import { QueueRows } from '../readings/queue-rows.js';
import { troublesOf } from '../readings/troubles.js';
import type { Read } from './read.js';

const SORTS: readonly QueueSort[] = [
  ...['trouble', 'queue', 'size', 'latencyMs', 'processedToday', 'failedToday', ...TASK_STATES],
] as readonly QueueSort[];

/** So few queues are all read before an answer that sorts by their figures. */
const FEW_QUEUES = 200;
/** How long an answer waits for figures; the rest follows with the next readings. */
const WAIT_MS = 200;
const FRESH_MS = 1_500;
/** Days of `api/queue`. */
const SHOWN_DAYS = 10;
/** Queues that a sum over days takes in. */
const SUMMED_QUEUES = 200;

export const readQueues: Read = async ({ board, viewer, query }) => {
  const asked = readQuery(query);
  query.done();
  return queuePage(board, viewer, asked);
};

export const readOverview: Read = async ({ board, viewer, query }) => {
  const asked = readQuery(query);
  query.done();
  const page = await queuePage(board, viewer, asked);
  const nowMs = board.nowMs();
  const rows = new QueueRows(board.readings, viewer, nowMs);
  const answer: Overview = { ...page, nowMs, totals: await rows.totals(), warnings: visibleWarnings(board, viewer) };
  return answer;
};

interface Asked {
  readonly page: number;
  readonly size: number;
  readonly sort: QueueSort;
  readonly order: 'asc' | 'desc';
  readonly name: string | undefined;
  readonly troubled: boolean;
}

function readQuery(query: Fields): Asked {
  const sort = query.oneOf('sort', SORTS) ?? 'trouble';
  return {
    page: query.numberOr('page', BOUNDS.page),
    size: query.numberOr('size', BOUNDS.pageSize),
    sort,
    order: query.oneOf('order', ['asc', 'desc']) ?? (sort === 'queue' ? 'asc' : 'desc'),
    name: query.text('name'),
    troubled: query.flag('troubled') ?? false,
  };
}

async function queuePage(board: Board, viewer: Viewer, asked: Asked): Promise<QueuePage> {
  const { readings } = board;
  const { page, size, sort, order, name, troubled } = asked;
  await readings.ready();
  const rows = new QueueRows(readings, viewer, board.nowMs());
  const visible = await rows.names();
  readings.look([]);
  if (visible.length <= FEW_QUEUES) await readings.freshen(visible, FRESH_MS, WAIT_MS);
  const part = name?.toLowerCase();
  const named =
    part === undefined ? visible : await rows.filter(visible, (queue) => queue.toLowerCase().includes(part));
  const matching = troubled ? await rows.filter(named, (queue) => rows.troubles(queue).length > 0) : named;
  const queues = await rows.sorted(matching, sort, order);
  const onPage = queues.slice((page - 1) * size, page * size);
  readings.look(onPage);
  await readings.freshen(onPage, FRESH_MS, WAIT_MS);
  const shown = await new QueueRows(readings, viewer, board.nowMs()).rows(onPage);
  return { queues: shown, total: queues.length, page, size };
}

export const readQueue: Read = async ({ board, viewer, query }) => {
  const queue = query.required('queue');
  query.done();
  viewer.checkSees(queue);
  const { readings, inspector } = board;
  readings.look([queue]);
  const [reading, days, slot, nodes] = await Promise.all([
    readings.fresh(queue),
    inspector.dailyStats(queue, SHOWN_DAYS),
    inspector.clusterSlot(queue),
    inspector.clusterNodes(queue).catch(() => []),
    readings.ready(),
  ]);
  const nowMs = board.nowMs();
  const rows = new QueueRows(readings, viewer, nowMs);
  const served = readings.serversOf(queue);
  const answer: QueueDetails = {
    nowMs,
    queue: rows.row(queue)!,
    partitions: reading.info.partitions?.map((info) => {
      const part = { info, atMs: reading.atMs, error: undefined };
      return rows.rowOf(info.queue, info, reading.atMs, troublesOf(part, undefined, served, nowMs));
    }),
    clusterSlot: nodes.length > 0 ? slot : undefined,
    history: days.map(({ day, processed, failed }) => ({ day, processed, failed })),
    servedBy: (readings.servers ?? [])
      .filter((server) => Object.hasOwn(server.queues, queue))
      .map((server) => ({ id: server.id, host: server.host, pid: server.pid, weight: server.queues[queue]! })),
  };
  return answer;
};

export const readHistory: Read = async ({ board, viewer, query, signal }) => {
  const queue = query.text('queue');
  const days = query.numberOr('days', BOUNDS.historyDays);
  query.done();
  if (queue !== undefined) {
    viewer.checkSees(queue);
    const counts = await board.inspector.dailyStats(queue, days);
    const answer: History = {
      days: counts.map(({ day, processed, failed }) => ({ day, processed, failed })),
      leftOut: 0,
    };
    return answer;
  }
  return board.costly.run(() => sumOfDays(board, viewer, days, signal));
};

async function sumOfDays(board: Board, viewer: Viewer, days: number, signal: AbortSignal): Promise<History> {
  await board.readings.ready();
  const rows = new QueueRows(board.readings, viewer, board.nowMs());
  const queues = await rows.sorted(await rows.names(), 'processedToday', 'desc');
  const sums = new Map<string, { processed: number; failed: number }>();
  for (const name of queues.slice(0, SUMMED_QUEUES)) {
    signal.throwIfAborted();
    for (const { day, processed, failed } of await board.inspector.dailyStats(name, days).catch(() => [])) {
      const sum = sums.get(day) ?? { processed: 0, failed: 0 };
      sums.set(day, { processed: sum.processed + processed, failed: sum.failed + failed });
    }
  }
  const summed = [...sums].toSorted(([a], [b]) => (a < b ? 1 : -1)).map(([day, sum]) => ({ day, ...sum }));
  return { days: summed, leftOut: Math.max(0, queues.length - SUMMED_QUEUES) };
}

export const readMemory: Read = async ({ board, viewer, query }) => {
  const queue = query.required('queue');
  query.done();
  viewer.checkSees(queue);
  const { memoryBytes } = await board.costly.run(() => board.inspector.queueInfo(queue, { memory: true }));
  const answer: QueueMemory = { bytes: memoryBytes };
  return answer;
};

export const readGroups: Read = async ({ board, viewer, query }) => {
  const queue = query.required('queue');
  const page = query.numberOr('page', BOUNDS.page);
  const size = query.numberOr('size', BOUNDS.pageSize);
  const name = query.text('name')?.toLowerCase();
  query.done();
  viewer.checkSees(queue);
  const all = await board.inspector.groups(queue);
  const groups = name === undefined ? all : all.filter(({ group }) => group.toLowerCase().includes(name));
  const answer: GroupPage = {
    groups: groups.slice((page - 1) * size, page * size).map(({ group, size: tasks }) => ({ group, size: tasks })),
    total: groups.length,
    page,
    size,
  };
  return answer;
};

/** Parts of Redis are named after queues, which may be hidden. */
export function visibleWarnings({ readings }: Board, { seesAll }: Viewer): Warning[] {
  return readings.warnings.map((warning) =>
    warning.code === 'partMissing' && !seesAll ? { ...warning, part: 'a part', message: 'no answer' } : warning,
  );
}
