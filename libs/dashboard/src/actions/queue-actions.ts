import { placeOf } from '@nestjs-asynq/core/internal';
import type { ActionName } from '../api/access.js';
import { NEEDED_RIGHT } from '../api/access.js';
import { BOUNDS } from '../api/bounds.js';
import type { QueueActionAnswer, QueuesActionAnswer } from '../api/queues.js';
import { readOnlyError } from '../access/viewer.js';
import { actOnEach } from './each.js';
import { audited, type WriteAction, type WriteContext } from './write.js';

type ActOnQueue = (context: WriteContext, queue: string, force: boolean) => Promise<boolean>;

/** Tells which queues do not exist. Pausing needs none, as in asynq, and says so. */
async function unknownQueues({ board: { inspector } }: WriteContext): Promise<(queue: string) => boolean> {
  const known = new Set(await inspector.queues());
  return (queue) => !known.has(queue) && !known.has(placeOf(queue).queue);
}

/** An action on a queue as a whole. */
const onQueue =
  (action: ActionName, act: ActOnQueue): WriteAction =>
  async (context) => {
    const queue = context.body.required('queue');
    const force = context.body.flag('force') ?? false;
    context.body.done();
    context.viewer.checkMay(queue, NEEDED_RIGHT[action]);
    const details = force ? { details: { force } } : {};
    const isUnknown = action === 'pauseQueue' && (await unknownQueues(context))(queue);
    const changed = await audited(context, action, { queues: [queue], ...details }, () => act(context, queue, force));
    const answer: QueueActionAnswer = { changed, ...(isUnknown && { unknown: true }) };
    return answer;
  };

export const pauseQueue = onQueue('pauseQueue', ({ board }, queue) => board.inspector.pauseQueue(queue));

export const resumeQueue = onQueue('resumeQueue', ({ board }, queue) => board.inspector.unpauseQueue(queue));

/** The same action on several queues: each has its own result, and all of them one line in the audit. */
const onQueues =
  (
    action: 'pauseQueue' | 'resumeQueue',
    act: (context: WriteContext, queue: string) => Promise<boolean>,
  ): WriteAction =>
  async (context) => {
    const { board, viewer, body, audit, signal } = context;
    const given = body.texts('queues', BOUNDS.actQueues) ?? [];
    if (given.length === 0) body.refuse('queues', `1 to ${BOUNDS.actQueues} names`);
    body.done();
    if (viewer.readOnly) throw readOnlyError();
    const queues = [...new Set(given)];
    const isUnknown = action === 'pauseQueue' ? await unknownQueues(context) : () => false;
    const changed: string[] = [];
    const unchanged: string[] = [];
    const failures = await actOnEach(context, queues, async (queue) => {
      viewer.checkMay(queue, NEEDED_RIGHT[action]);
      ((await act(context, queue)) ? changed : unchanged).push(queue);
    });
    const seen = queues.filter((queue) => viewer.sees(queue));
    for (const queue of seen) board.readings.changed(queue);
    audit.note({
      at: new Date(board.nowMs()),
      who: viewer.who,
      action,
      connection: board.connection.name,
      queues: seen,
      count: changed.length,
      failed: failures.length,
      ...(signal.aborted && { error: 'stopped' }),
    });
    const failed = failures.map(({ item: queue, code, message }) => ({ queue, code, message }));
    const unknown = [...changed, ...unchanged].filter(isUnknown);
    const answer: QueuesActionAnswer = { changed, unchanged, failed, ...(unknown.length > 0 && { unknown }) };
    return answer;
  };

export const pauseQueues = onQueues('pauseQueue', ({ board }, queue) => board.inspector.pauseQueue(queue));

export const resumeQueues = onQueues('resumeQueue', ({ board }, queue) => board.inspector.unpauseQueue(queue));

export const deleteQueue = onQueue('deleteQueue', async ({ board }, queue, force) => {
  await board.inspector.deleteQueue(queue, { force });
  return true;
});

export const purgeQueue = onQueue('purgeQueue', async ({ board }, queue, force) => {
  await board.inspector.purgeQueue(queue, { force });
  return true;
});
