import { WRITES } from '../../../src/api/routes.js';
import type { ActAnswer, ActFailure, CancelOutcome, TaskRow } from '../../../src/api/tasks.js';
import { RequestError, write } from '../server/requests.js';
import type { TaskState } from '../../../src/api/queues.js';

export type Act =
  | { readonly action: 'run' | 'runNext' | 'archive' | 'delete' }
  | { readonly action: 'cancel'; readonly outcome: CancelOutcome }
  | { readonly action: 'reschedule'; readonly atMs: number }
  | { readonly action: 'move'; readonly target: string };

export interface ActReport {
  readonly done: number;
  readonly failed: readonly ActFailure[];
  /** Named tasks that were left alone, as the work was stopped or failed. */
  readonly left: number;
  readonly problem: unknown;
}

/** Tasks of one request: small enough to be stopped in between. */
const STEP = 100;

/** Acts on named tasks in steps, each only on those that are still in the state in which they were seen. */
export async function act(
  what: Act,
  tasks: readonly TaskRow[],
  { signal, onProgress }: { readonly signal?: AbortSignal; readonly onProgress?: (done: number) => void } = {},
): Promise<ActReport> {
  let done = 0;
  let asked = 0;
  const failed: ActFailure[] = [];
  try {
    for (const [expectedState, ofState] of byState(tasks)) {
      for (let at = 0; at < ofState.length; at += STEP) {
        signal?.throwIfAborted();
        const items = ofState.slice(at, at + STEP).map(({ queue, id }) => ({ queue, id }));
        const answer = await write<ActAnswer>(WRITES.act, { ...what, items, expectedState }, signal);
        done += answer.done;
        failed.push(...answer.failed);
        asked += items.length;
        onProgress?.(asked);
      }
    }
    return { done, failed, left: 0, problem: undefined };
  } catch (problem) {
    if (!(problem instanceof RequestError) && !signal?.aborted) throw problem;
    return { done, failed, left: tasks.length - asked, problem: signal?.aborted ? undefined : problem };
  }
}

function byState(tasks: readonly TaskRow[]): Map<TaskState, TaskRow[]> {
  const groups = new Map<TaskState, TaskRow[]>();
  for (const task of tasks) groups.set(task.state, [...(groups.get(task.state) ?? []), task]);
  return groups;
}
