import { TaskNotFoundError } from '@nestjs-asynq/core';
import { TASK_STATES } from '@nestjs-asynq/core/internal';
import { ALLOWED_STATES } from '../api/allowed-states.js';
import { BOUNDS } from '../api/bounds.js';
import { NEEDED_RIGHT } from '../api/access.js';
import type { TaskState } from '../api/queues.js';
import type { TaskActionName, TaskDetails, TaskPage } from '../api/tasks.js';
import type { Viewer } from '../access/viewer.js';
import { runningTasks } from './task-presenter.js';
import { safeLinks } from './task-links.js';
import type { Read } from './read.js';

export const readTasks: Read = async ({ board, viewer, query }) => {
  const queue = query.required('queue');
  const state = query.oneOf('state', TASK_STATES);
  if (state === undefined) query.refuse('state', 'given');
  const group = query.text('group');
  const page = query.numberOr('page', BOUNDS.page);
  const size = query.numberOr('size', BOUNDS.pageSize);
  query.done();
  viewer.checkSees(queue);
  const { readings, inspector } = board;
  readings.look([queue]);
  const [tasks, total] = await Promise.all([
    inspector.listTasks(queue, state!, { page, size, group }),
    group === undefined ? sizeOf(board, queue, state!) : groupSize(board, queue, group),
    state === 'active' ? readings.ready() : undefined,
  ]);
  const rows = await board.tasks.rows(tasks, state === 'active' ? readings.servers : []);
  const answer: TaskPage = { tasks: rows, total, page, size };
  return answer;
};

type BoardOf = Parameters<Read>[0]['board'];

async function sizeOf({ readings }: BoardOf, queue: string, state: TaskState): Promise<number> {
  return (await readings.fresh(queue)).info[state];
}

async function groupSize({ inspector }: BoardOf, queue: string, group: string): Promise<number> {
  return (await inspector.groups(queue)).find((known) => known.group === group)?.size ?? 0;
}

/** Everything that Redis holds of a payload: 512 MB at most, and a client of asynq has its own limit far below. */
const ALL = Number.MAX_SAFE_INTEGER;

export const readTask: Read = async ({ board, viewer, query }) => {
  const queue = query.required('queue');
  const id = query.required('id');
  const full = query.flag('full') ?? false;
  query.done();
  viewer.checkSees(queue);
  const { inspector, readings, settings } = board;
  const [info, lockTtlMs] = await Promise.all([
    inspector.taskInfo(queue, id),
    // Some users of Redis may not read locks: the task is shown without.
    inspector.lockTtlMs(queue, id).catch(() => undefined),
    readings.ready(),
  ]);
  if (!viewer.sees(info.queue)) throw new TaskNotFoundError(queue, id);
  const workers = runningTasks(readings.servers ?? []);
  const shown = await board.tasks.show(info, full ? ALL : BOUNDS.shownPayload, undefined, workers);
  const headers = Object.fromEntries(shown.headers.map(({ name, value }) => [name, value]));
  const traceId = /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-[\da-f]{2}$/i.exec(headers['traceparent'] ?? '')?.[1];
  const { type, payload } = shown.row;
  const answer: TaskDetails = {
    nowMs: board.nowMs(),
    task: shown.row,
    headers: shown.headers,
    error: shown.error,
    timeoutMs: info.timeoutMs,
    retentionMs: info.retentionMs,
    lock: lockTtlMs === undefined ? undefined : { expiresInMs: lockTtlMs },
    actions: actionsOn(info.queue, info.state, viewer),
    links: safeLinks(settings.links?.({ id, queue, type, payload: payload.data, headers, traceId }) ?? []),
    traceId,
  };
  return answer;
};

function actionsOn(queue: string, state: TaskState, viewer: Viewer): TaskActionName[] {
  if (viewer.readOnly) return [];
  const actions = Object.keys(ALLOWED_STATES) as TaskActionName[];
  return actions.filter((one) => ALLOWED_STATES[one].includes(state) && viewer.may(queue, NEEDED_RIGHT[one]));
}
