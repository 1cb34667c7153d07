import { errorText } from '@nestjs-asynq/core/internal';
import { NEEDED_RIGHT } from '../api/access.js';
import { BOUNDS } from '../api/bounds.js';
import type { ScheduleHistory, ScheduleRow, SchedulesAnswer } from '../api/fleet.js';
import type { Warning } from '../api/queues.js';
import { RequestError } from '../http/request.error.js';
import { visibleWarnings } from './queues.js';
import type { Read } from './read.js';

export const readSchedules: Read = async ({ board, viewer, query }) => {
  const queue = query.text('queue');
  query.done();
  if (queue !== undefined) viewer.checkSees(queue);
  const { inspector } = board;
  const warnings: Warning[] = [...visibleWarnings(board, viewer)];
  const onUnanswered = (part: string, error: unknown): void => {
    warnings.push({
      code: 'partMissing',
      ...(viewer.seesAll ? { part, message: errorText(error) } : { part: 'a part', message: 'no answer' }),
    });
  };
  const [stored, entries] = await Promise.all([
    inspector.schedules(queue, { onUnanswered }),
    inspector.schedulerEntries({ onUnanswered }),
  ]);
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const payloadOf = async (type: string, bytes: Uint8Array) =>
    (await board.tasks.content(type, bytes, BOUNDS.listedPayload)).content;
  const rows = stored
    .filter((schedule) => viewer.sees(schedule.queue))
    .map(async (schedule): Promise<ScheduleRow> => ({
      name: schedule.name,
      queue: schedule.queue,
      spec: schedule.spec,
      type: schedule.type,
      payload: schedule.payload && (await payloadOf(schedule.type, schedule.payload)),
      options: schedule.entryIds.map((id) => byId.get(id)?.options).find((options) => options !== undefined) ?? [],
      isPaused: schedule.isPaused,
      nextAtMs: schedule.nextAt?.getTime(),
      lastAtMs: schedule.lastFiredAt?.getTime(),
      schedulers: schedule.entryIds.length,
      entryIds: schedule.entryIds,
      canOperate: !viewer.readOnly && viewer.may(schedule.queue, NEEDED_RIGHT.runSchedule),
      canDelete: !viewer.readOnly && viewer.may(schedule.queue, NEEDED_RIGHT.deleteSchedule),
    }));
  const known = new Set(stored.flatMap(({ entryIds }) => entryIds));
  const others = entries
    .filter(({ id }) => !known.has(id))
    .map((entry) => ({ entry, own: queueOf(entry.options) }))
    .filter(({ own }) => viewer.sees(own) && (queue === undefined || own === queue))
    .map(async ({ entry, own }): Promise<ScheduleRow> => ({
      name: undefined,
      queue: own,
      spec: entry.spec,
      type: entry.taskType,
      payload: await payloadOf(entry.taskType, entry.taskPayload),
      options: entry.options,
      isPaused: false,
      nextAtMs: entry.nextEnqueueAt?.getTime(),
      lastAtMs: entry.prevEnqueueAt?.getTime(),
      schedulers: 1,
      entryIds: [entry.id],
      canOperate: false,
      canDelete: false,
    }));
  const schedules = await Promise.all([...rows, ...others]);
  const answer: SchedulesAnswer = { nowMs: board.nowMs(), schedules, warnings };
  return answer;
};

/** The queue in asynq's text form of options, `Queue("low")`. */
export function queueOf(options: readonly string[]): string {
  for (const option of options) {
    const quoted = /^Queue\((".*")\)$/s.exec(option)?.[1];
    if (quoted === undefined) continue;
    try {
      return JSON.parse(quoted) as string;
    } catch {
      return quoted.slice(1, -1); // Go quotes some characters in its own way
    }
  }
  return 'default';
}

export const readScheduleHistory: Read = async ({ board, viewer, query }) => {
  const entry = query.required('entry');
  const queue = query.required('queue');
  const page = query.numberOr('page', BOUNDS.page);
  const size = query.numberOr('size', BOUNDS.pageSize);
  query.done();
  viewer.checkSees(queue);
  if (!viewer.seesAll && !(await belongsTo(board, entry, queue))) {
    throw new RequestError(404, 'SCHEDULE_NOT_FOUND', 'the queue has no such entry');
  }
  const events = await board.inspector.schedulerEvents(entry, { page, size });
  const isFull = events.length === size;
  const further = isFull ? await board.inspector.schedulerEvents(entry, { page: page * size + 1, size: 1 }) : [];
  const answer: ScheduleHistory = {
    events: events.map(({ taskId, enqueuedAt }) => ({ taskId, enqueuedAtMs: enqueuedAt.getTime() })),
    page,
    size,
    hasMore: further.length > 0,
  };
  return answer;
};

/** The id of an entry says nothing about its queue, and another queue's history may be hidden. */
async function belongsTo(
  { inspector }: Parameters<Read>[0]['board'],
  entryId: string,
  queue: string,
): Promise<boolean> {
  const [stored, entries] = await Promise.all([inspector.schedules(queue), inspector.schedulerEntries()]);
  if (stored.some(({ entryIds }) => entryIds.includes(entryId))) return true;
  return entries.some(({ id, options }) => id === entryId && queueOf(options) === queue);
}
