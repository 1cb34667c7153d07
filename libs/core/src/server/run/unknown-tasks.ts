import type { Clock } from '../../runtime/clock.js';

/** For so long after it is due again a task may turn up: Go looks for due tasks every five seconds. */
const ECHO_MS = 5_000;
/** By the clock of another process it may be due a little earlier than by ours. */
const SKEW_MS = 50;

/**
 * Tasks that this server put back, as it has no handler for their type. It stands back from a queue while one of them
 * is to turn up again, and only then: the other tasks of the queue would wait, too.
 */
export class UnknownTasks {
  /** Queue to task id to when the task is due again, unix ms. All wait equally long, so the earliest comes first. */
  private readonly dueAtMs = new Map<string, Map<string, number>>();

  constructor(private readonly clock: Clock) {}

  putBack(queue: string, taskId: string, dueAtMs: number): void {
    const tasks = this.dueAtMs.get(queue) ?? new Map<string, number>();
    tasks.delete(taskId); // so that it comes last
    tasks.set(taskId, dueAtMs);
    this.dueAtMs.set(queue, tasks);
    this.earliestMs(queue);
  }

  /** Whether one of them may turn up now. */
  areDue(queue: string): boolean {
    const earliestMs = this.earliestMs(queue);
    return earliestMs !== undefined && earliestMs - SKEW_MS <= this.clock.nowMs();
  }

  /** Forgets those that went elsewhere. */
  private earliestMs(queue: string): number | undefined {
    const tasks = this.dueAtMs.get(queue);
    for (const [taskId, dueAtMs] of tasks ?? []) {
      if (dueAtMs + ECHO_MS > this.clock.nowMs()) return dueAtMs;
      tasks!.delete(taskId);
    }
    this.dueAtMs.delete(queue);
    return undefined;
  }
}
