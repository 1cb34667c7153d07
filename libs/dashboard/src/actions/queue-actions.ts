import type { ActionName } from '../api/access.js';
import { NEEDED_RIGHT } from '../api/access.js';
import type { QueueActionAnswer } from '../api/queues.js';
import { audited, type WriteAction, type WriteContext } from './write.js';

type ActOnQueue = (context: WriteContext, queue: string, force: boolean) => Promise<boolean>;

/** An action on a queue as a whole. */
const onQueue =
  (action: ActionName, act: ActOnQueue): WriteAction =>
  async (context) => {
    const queue = context.body.required('queue');
    const force = context.body.flag('force') ?? false;
    context.body.done();
    context.viewer.checkMay(queue, NEEDED_RIGHT[action]);
    const details = force ? { details: { force } } : {};
    const changed = await audited(context, action, { queues: [queue], ...details }, () => act(context, queue, force));
    const answer: QueueActionAnswer = { changed };
    return answer;
  };

export const pauseQueue = onQueue('pauseQueue', ({ board }, queue) => board.inspector.pauseQueue(queue));

export const resumeQueue = onQueue('resumeQueue', ({ board }, queue) => board.inspector.unpauseQueue(queue));

export const deleteQueue = onQueue('deleteQueue', async ({ board }, queue, force) => {
  await board.inspector.deleteQueue(queue, { force });
  return true;
});

export const purgeQueue = onQueue('purgeQueue', async ({ board }, queue, force) => {
  await board.inspector.purgeQueue(queue, { force });
  return true;
});
