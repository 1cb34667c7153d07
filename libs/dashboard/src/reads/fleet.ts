import type { ServerInfo } from '@nestjs-asynq/core';
import { BOUNDS } from '../api/bounds.js';
import type { ServerRow, ServersAnswer, WorkerRow } from '../api/fleet.js';
import type { Board } from '../board.js';
import type { Viewer } from '../access/viewer.js';
import { sortInSlices } from '../slices/sort-in-slices.js';
import { WorkSlices } from '../slices/work-slices.js';
import { visibleWarnings } from './queues.js';
import type { Read } from './read.js';

/** Running tasks, and queues, of one server in an answer. */
const MOST_WORKERS = 200;
const MOST_SERVED = 200;
/** A running task takes as long as so many queues: its payload is read. */
const WORKER_PIECES = 20;

export const readServers: Read = async ({ board, viewer, query }) => {
  query.done();
  await board.readings.ready();
  board.readings.look([]);
  const servers = board.readings.servers ?? [];
  const slices = new WorkSlices();
  const rows: ServerRow[] = [];
  for (const server of servers) {
    const row = await serverRow(server, board, viewer, slices);
    if (row) rows.push(row);
  }
  const answer: ServersAnswer = { nowMs: board.nowMs(), servers: rows, warnings: visibleWarnings(board, viewer) };
  return answer;
};

/** `undefined`: all of its queues are hidden. */
async function serverRow(
  server: ServerInfo,
  board: Board,
  viewer: Viewer,
  slices: WorkSlices,
): Promise<ServerRow | undefined> {
  const queues = await servedQueues(server, viewer, slices);
  if (queues.length === 0 && !viewer.seesAll) return undefined;
  await slices.take(server.workers.length);
  const workers = server.workers.filter(({ queue }) => viewer.sees(queue));
  const shown = workers.toSorted((a, b) => a.startedAt.getTime() - b.startedAt.getTime()).slice(0, MOST_WORKERS);
  const workerRows: WorkerRow[] = [];
  for (const worker of shown) {
    await slices.take(WORKER_PIECES);
    workerRows.push({
      id: worker.taskId,
      queue: worker.queue,
      type: worker.taskType,
      payload: await shownPayload(worker, board),
      startedAtMs: worker.startedAt.getTime(),
      deadlineAtMs: worker.deadline.getTime(),
    });
  }
  return {
    id: server.id,
    host: server.host,
    pid: server.pid,
    status: server.status,
    startedAtMs: server.startedAt.getTime(),
    concurrency: server.concurrency,
    strictPriority: server.strictPriority,
    queues: queues.slice(0, MOST_SERVED),
    queueCount: queues.length,
    weights: queues.reduce((sum, { weight }) => sum + weight, 0),
    busy: workers.length,
    workers: workerRows,
  };
}

/** Those with the highest weights first. */
async function servedQueues({ queues }: ServerInfo, viewer: Viewer, slices: WorkSlices): Promise<ServerRow['queues']> {
  const served: ServerRow['queues'][number][] = [];
  for (const [queue, weight] of Object.entries(queues)) {
    await slices.take();
    if (viewer.sees(queue)) served.push({ queue, weight });
  }
  return sortInSlices(served, (a, b) => b.weight - a.weight, slices);
}

/** A cut payload is no JSON any more, so that its fields cannot be found: then only its length is shown. */
async function shownPayload({ taskType, taskPayload, isPayloadCut }: ServerInfo['workers'][number], board: Board) {
  const isSafe = !isPayloadCut || board.redactor.isIdle;
  const shown = isSafe ? taskPayload : new Uint8Array();
  const { content } = await board.tasks.content(taskType, shown, BOUNDS.listedPayload);
  return isPayloadCut ? { ...content, isCut: true, isRedacted: content.isRedacted || !isSafe } : content;
}
