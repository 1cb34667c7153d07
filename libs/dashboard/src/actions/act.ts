import type { TaskState } from '@nestjs-asynq/core';
import { type CancelReply, TASK_STATES } from '@nestjs-asynq/core/internal';
import { NEEDED_RIGHT, type Right } from '../api/access.js';
import { BOUNDS } from '../api/bounds.js';
import type { ActAnswer, CancelOutcome, TaskRef } from '../api/tasks.js';
import type { Fields } from '../http/fields.js';
import { readOnlyError } from '../access/viewer.js';
import { actOnEach } from './each.js';
import type { WriteAction, WriteContext } from './write.js';

const ACTIONS = ['run', 'runNext', 'archive', 'delete', 'cancel', 'reschedule', 'move'] as const;
type Action = (typeof ACTIONS)[number];

interface Order {
  readonly action: Action;
  readonly items: readonly TaskRef[];
  readonly options: { readonly expectedState?: TaskState };
  readonly outcome: CancelOutcome | undefined;
  readonly atMs: number | undefined;
  readonly target: string | undefined;
}

/** One action on named tasks. Each has its own result: one that fails does not stop the others. */
export const actOnTasks: WriteAction = async (context) => {
  const { viewer, board, audit, signal } = context;
  const order = readOrder(context.body);
  context.body.done();
  if (viewer.readOnly) throw readOnlyError();
  if (order.target !== undefined) viewer.checkMay(order.target, neededFor(order));

  const replies = { requested: 0, archived: 0, deleted: 0, unchanged: 0 };
  let done = 0;
  const failures = await actOnEach(context, order.items, async ({ queue, id }) => {
    viewer.checkMay(queue, neededFor(order));
    const reply = await act(context, order, { queue, id });
    if (reply) replies[reply] += 1;
    done += 1;
  });
  const failed = failures.map(({ item: { queue, id }, code, message }) => ({ queue, id, code, message }));

  const seen = order.items.filter(({ queue }) => viewer.sees(queue));
  const queues = [
    ...new Set([...seen.map(({ queue }) => queue), ...(order.target === undefined ? [] : [order.target])]),
  ];
  for (const queue of queues) board.readings.changed(queue);
  audit.note({
    at: new Date(board.nowMs()),
    who: viewer.who,
    action: order.action,
    connection: board.connection.name,
    queues,
    taskIds: order.items.map(({ id }) => id),
    ...detailsOf(order),
    count: done,
    failed: failed.length,
    ...(signal.aborted && { error: 'stopped' }),
  });
  const answer: ActAnswer = { done, failed, ...(order.action === 'cancel' && { replies }) };
  return answer;
};

function readOrder(body: Fields): Order {
  const action = body.oneOf('action', ACTIONS);
  if (action === undefined) body.refuse('action', 'given');
  const expectedState = body.oneOf('expectedState', TASK_STATES);
  const order: Order = {
    action: action ?? 'run',
    items: readItems(body),
    options: expectedState === undefined ? {} : { expectedState },
    outcome: body.oneOf('outcome', ['retry', 'archive', 'delete']),
    atMs: body.timeMs('atMs'),
    target: body.text('target'),
  };
  if (action === 'cancel' && order.outcome === undefined) body.refuse('outcome', 'retry, archive or delete');
  if (action === 'reschedule' && order.atMs === undefined) body.refuse('atMs', 'a time');
  if (action === 'move' ? order.target === undefined : order.target !== undefined) {
    body.refuse('target', 'given with the action "move", and only with it');
  }
  return order;
}

function readItems(body: Fields): readonly TaskRef[] {
  const items = body.value('items');
  const isFine =
    Array.isArray(items) &&
    items.length > 0 &&
    items.length <= BOUNDS.actItems &&
    items.every((item) => isTaskRef(item));
  if (!isFine) {
    body.refuse('items', `1 to ${BOUNDS.actItems} tasks, each with queue and id`);
    return [];
  }
  return items;
}

function isTaskRef(item: unknown): item is TaskRef {
  if (typeof item !== 'object' || item === null) return false;
  const { queue, id } = item as Partial<TaskRef>;
  return [queue, id].every((text) => typeof text === 'string' && text.length <= BOUNDS.textLength);
}

/** Canceling deletes, too, if it is told so. */
const neededFor = ({ action, outcome }: Order): Right =>
  NEEDED_RIGHT[action === 'cancel' && outcome === 'delete' ? 'delete' : action];

async function act(
  { board: { inspector } }: WriteContext,
  { action, options, outcome, atMs, target }: Order,
  { queue, id }: TaskRef,
): Promise<CancelReply | undefined> {
  switch (action) {
    case 'run':
      await inspector.runTask(queue, id, options);
      return undefined;
    case 'runNext':
      await inspector.runNext(queue, id, options);
      return undefined;
    case 'archive':
      await inspector.archiveTask(queue, id, options);
      return undefined;
    case 'delete':
      await inspector.deleteTask(queue, id, options);
      return undefined;
    case 'reschedule':
      await inspector.reschedule(queue, id, new Date(atMs!), options);
      return undefined;
    case 'move':
      await inspector.moveToQueue(queue, id, target!, options);
      return undefined;
    case 'cancel':
      return inspector.cancel(queue, id, { outcome: outcome! });
  }
}

function detailsOf({ outcome, atMs, target, options }: Order) {
  const details = {
    ...(outcome !== undefined && { outcome }),
    ...(atMs !== undefined && { processAt: new Date(atMs).toISOString() }),
    ...(target !== undefined && { target }),
    ...(options.expectedState !== undefined && { expectedState: options.expectedState }),
  };
  return Object.keys(details).length > 0 ? { details } : {};
}
