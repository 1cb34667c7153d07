import type { ServerInfo } from '@nestjs-asynq/core';
import { BOUNDS } from '../api/bounds.js';
import type { ServerRow, ServersAnswer } from '../api/fleet.js';
import type { Board } from '../board.js';
import type { Viewer } from '../access/viewer.js';
import { visibleWarnings } from './queues.js';
import type { Read } from './read.js';

/** Running tasks of one server in an answer. */
const MOST_WORKERS = 200;

export const readServers: Read = async ({ board, viewer, query }) => {
  query.done();
  await board.readings.ready();
  board.readings.look([]);
  const servers = board.readings.servers ?? [];
  const rows = servers.map((server) => serverRow(server, board, viewer)).filter((row) => row !== undefined);
  const answer: ServersAnswer = { nowMs: board.nowMs(), servers: rows, warnings: visibleWarnings(board, viewer) };
  return answer;
};

/** `undefined`: all of its queues are hidden. */
function serverRow(server: ServerInfo, board: Board, viewer: Viewer): ServerRow | undefined {
  const queues = Object.entries(server.queues).filter(([queue]) => viewer.sees(queue));
  if (queues.length === 0 && !viewer.seesAll) return undefined;
  const workers = server.workers.filter(({ queue }) => viewer.sees(queue));
  return {
    id: server.id,
    host: server.host,
    pid: server.pid,
    status: server.status,
    startedAtMs: server.startedAt.getTime(),
    concurrency: server.concurrency,
    strictPriority: server.strictPriority,
    queues: queues.map(([queue, weight]) => ({ queue, weight })),
    busy: workers.length,
    workers: workers
      .toSorted((a, b) => a.startedAt.getTime() - b.startedAt.getTime())
      .slice(0, MOST_WORKERS)
      .map((worker) => ({
        id: worker.taskId,
        queue: worker.queue,
        type: worker.taskType,
        payload: shownPayload(worker, board),
        startedAtMs: worker.startedAt.getTime(),
        deadlineAtMs: worker.deadline.getTime(),
      })),
  };
}

/** A cut payload is no JSON any more, so that its fields cannot be found: then only its length is shown. */
function shownPayload({ taskType, taskPayload, isPayloadCut }: ServerInfo['workers'][number], board: Board) {
  const isSafe = !isPayloadCut || board.redactor.isIdle;
  const { content } = board.tasks.content(taskType, isSafe ? taskPayload : new Uint8Array(), BOUNDS.listedPayload);
  return isPayloadCut ? { ...content, isCut: true, isRedacted: content.isRedacted || !isSafe } : content;
}
