import type { Inspector, QueueInfo, ScheduleInfo, TaskInfo } from '@nestjs-asynq/core';
import { countOf } from '../commands/command.js';
import { oneLine } from '../output/cells.js';
import { errorLine } from '../output/error-line.js';
import type { DashCommand } from './keys.js';

/** A change that awaits confirmation. */
export interface DashAction {
  readonly question: string;
  /** Returns what to show when it is done. */
  readonly perform: (inspector: DashActions) => Promise<string>;
}

/** The operations of the dashboard that change something. */
export type DashActions = Pick<
  Inspector,
  | 'pauseQueue'
  | 'unpauseQueue'
  | 'runTask'
  | 'archiveTask'
  | 'deleteTask'
  | 'cancel'
  | 'pauseSchedule'
  | 'resumeSchedule'
>;

/** What the keys are for. */
interface DashSelection {
  readonly queue: QueueInfo | undefined;
  readonly schedule: ScheduleInfo | undefined;
  readonly tasks: readonly TaskInfo[];
}

/** The change that a key makes to what is selected; `undefined` if it has none. */
export function actionOf(command: DashCommand, { queue, schedule, tasks }: DashSelection): DashAction | undefined {
  if (command === 'pause') return schedule ? pauseSchedule(schedule) : queue && pauseQueue(queue);
  const verb = VERBS[command as keyof typeof VERBS];
  const [task] = tasks;
  if (!verb || !task) return undefined;
  const steps = tasks.map((one) => stepOf(verb, one));
  if (tasks.length > 1)
    return { question: questionOf(verb, tasks), perform: (inspector) => performAll(inspector, steps) };
  const [step] = steps;
  return {
    question: step!.question,
    perform: async (inspector) => {
      await step!.perform(inspector);
      return step!.done;
    },
  };
}

function pauseQueue({ queue, isPaused }: QueueInfo): DashAction {
  const name = `queue "${oneLine(queue)}"`;
  return {
    question: `${isPaused ? 'Resume' : 'Pause'} ${name}?`,
    perform: async (inspector) => {
      await (isPaused ? inspector.unpauseQueue(queue) : inspector.pauseQueue(queue));
      return `${name} ${isPaused ? 'resumed' : 'paused'}`;
    },
  };
}

function pauseSchedule({ queue, name, isPaused }: ScheduleInfo): DashAction {
  const title = `schedule "${oneLine(name)}" of queue "${oneLine(queue)}"`;
  return {
    question: `${isPaused ? 'Resume' : 'Pause'} ${title}?`,
    perform: async (inspector) => {
      await (isPaused ? inspector.resumeSchedule(queue, name) : inspector.pauseSchedule(queue, name));
      return `${title} ${isPaused ? 'resumed' : 'paused'}`;
    },
  };
}

/** What a key does to a task, and to one that is running, which only its server can end. */
interface Verb {
  readonly verb: string;
  readonly done: string;
  readonly outcome: 'retry' | 'archive' | 'delete';
  readonly afterCancel: string;
}

const VERBS = {
  run: { verb: 'Run', done: 'is now pending', outcome: 'retry', afterCancel: 'so that it is retried' },
  archive: { verb: 'Archive', done: 'archived', outcome: 'archive', afterCancel: 'and archive it' },
  delete: { verb: 'Delete', done: 'deleted', outcome: 'delete', afterCancel: 'and delete it' },
  cancel: { verb: 'Cancel', done: 'canceled', outcome: 'retry', afterCancel: 'so that it is retried' },
} as const satisfies Partial<Record<DashCommand, Verb>>;

interface Step {
  readonly question: string;
  readonly done: string;
  readonly perform: (inspector: DashActions) => Promise<unknown>;
}

function stepOf(verb: Verb, { queue, id, state }: TaskInfo): Step {
  const name = `task ${oneLine(id)}`;
  if (state === 'active') {
    return {
      question: `It is running. Cancel ${name}, ${verb.afterCancel}?`,
      done: `${name} is asked to stop`,
      perform: (inspector) => inspector.cancel(queue, id, { outcome: verb.outcome }),
    };
  }
  // The task must still be in the state that was on the screen when the question was asked.
  const expected = { expectedState: state };
  return {
    question:
      verb === VERBS.cancel
        ? `Not running. Archive ${name}?`
        : `${verb.verb} ${name}${verb === VERBS.run ? ' now' : ''}?`,
    done: `${name} ${verb === VERBS.cancel ? 'archived' : verb.done}`,
    perform: (inspector) => {
      if (verb === VERBS.run) return inspector.runTask(queue, id, expected);
      return verb === VERBS.delete
        ? inspector.deleteTask(queue, id, expected)
        : inspector.archiveTask(queue, id, expected);
    },
  };
}

function questionOf(verb: Verb, tasks: readonly TaskInfo[]): string {
  const running = tasks.filter(({ state }) => state === 'active').length;
  const how =
    running === tasks.length
      ? `Cancel ${countOf(running)}, ${verb.afterCancel.replace(/\bit is\b/, 'they are').replace(/\bit\b/, 'them')}`
      : '';
  if (how !== '') return `${how}?`;
  return `${verb === VERBS.cancel ? 'Archive' : verb.verb} ${countOf(tasks.length)}?`;
}

/** One that fails does not stop the others. */
async function performAll(inspector: DashActions, steps: readonly Step[]): Promise<string> {
  let failure: string | undefined;
  let done = 0;
  for (const step of steps) {
    try {
      await step.perform(inspector);
      done += 1;
    } catch (error) {
      failure ??= errorLine(error);
    }
  }
  return failure === undefined ? `${countOf(done)}: done` : `${failure} (${done} of ${steps.length} done)`;
}
