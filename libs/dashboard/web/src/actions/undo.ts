import type { TaskRow } from '../../../src/api/tasks.js';
import type { Act } from './act.js';

/** An action that takes back another one, and the tasks it is for, as they are after that. */
export interface Undo {
  readonly what: Act;
  readonly tasks: readonly TaskRow[];
}

/** Most requests that taking back may cost. */
const MOST_STEPS = 50;

/** How to take an action back; `undefined`: it cannot be. */
export function undoOf(what: Act, tasks: readonly TaskRow[]): readonly Undo[] | undefined {
  const steps = new Map<string, { what: Act; tasks: TaskRow[] }>();
  for (const task of tasks) {
    const step = undoOfOne(what, task);
    if (!step) return undefined;
    const key = JSON.stringify(step.what);
    const same = steps.get(key) ?? { what: step.what, tasks: [] };
    same.tasks.push(step.task);
    steps.set(key, same);
  }
  return steps.size > MOST_STEPS ? undefined : [...steps.values()];
}

function undoOfOne(what: Act, task: TaskRow): { readonly what: Act; readonly task: TaskRow } | undefined {
  const timed = task.state === 'scheduled' || task.state === 'retry' ? task.nextProcessAtMs : undefined;
  switch (what.action) {
    case 'archive':
      if (timed !== undefined)
        return { what: { action: 'reschedule', atMs: timed }, task: { ...task, state: 'archived' } };
      return task.state === 'pending' ? { what: { action: 'run' }, task: { ...task, state: 'archived' } } : undefined;
    case 'reschedule':
      if (timed === undefined) return undefined;
      return { what: { action: 'reschedule', atMs: timed }, task };
    case 'move':
      // What was due is pending there; others keep their state, and one in retry is scheduled.
      return {
        what: { action: 'move', target: task.queue },
        task: { ...task, queue: what.target, state: task.state === 'retry' ? 'scheduled' : task.state },
      };
    case 'run':
    case 'runNext':
      if (task.state === 'archived') return { what: { action: 'archive' }, task: { ...task, state: 'pending' } };
      if (timed === undefined) return undefined;
      return { what: { action: 'reschedule', atMs: timed }, task: { ...task, state: 'pending' } };
    case 'delete':
    case 'cancel':
    default:
      return undefined;
  }
}
