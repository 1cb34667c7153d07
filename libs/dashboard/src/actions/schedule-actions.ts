import { type ActionName, NEEDED_RIGHT } from '../api/access.js';
import type { ScheduleActionAnswer } from '../api/fleet.js';
import { audited, type WriteAction, type WriteContext } from './write.js';

type ActOnSchedule = (context: WriteContext, queue: string, name: string) => Promise<ScheduleActionAnswer>;

const onSchedule =
  (action: ActionName, act: ActOnSchedule): WriteAction =>
  async (context) => {
    const queue = context.body.required('queue');
    const name = context.body.required('name');
    context.body.done();
    context.viewer.checkMay(queue, NEEDED_RIGHT[action]);
    return audited(context, action, { queues: [queue], details: { schedule: name } }, () => act(context, queue, name));
  };

export const runSchedule = onSchedule('runSchedule', async ({ board }, queue, name) => {
  const task = await board.inspector.runSchedule(queue, name);
  return { changed: true, task: { queue: task.queue, id: task.id } };
});

export const pauseSchedule = onSchedule('pauseSchedule', async ({ board }, queue, name) => ({
  changed: await board.inspector.pauseSchedule(queue, name),
}));

export const resumeSchedule = onSchedule('resumeSchedule', async ({ board }, queue, name) => ({
  changed: await board.inspector.resumeSchedule(queue, name),
}));

export const deleteSchedule = onSchedule('deleteSchedule', async ({ board }, queue, name) => {
  await board.inspector.removeSchedule(queue, name);
  return { changed: true };
});
