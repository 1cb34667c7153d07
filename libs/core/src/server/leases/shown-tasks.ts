import type { Clock } from '../../runtime/clock.js';
import { within } from '../../runtime/within.js';
import type { LeaseRecord } from './lease-record.js';
import type { LeaseTable, TaskInHand, TaskRef } from './lease-table.js';

/** How long a beat waits for descriptions: the main thread may be busy. */
const ANSWER_MS = 250;

/** What inspectors see of a running task, besides what is in its record. Plain data: it travels between threads. */
export interface TaskDescription {
  readonly type: string;
  /**
   * The bytes to show, as Latin-1 text: sending a string to a thread costs half as much as bytes, and copies no buffer.
   */
  readonly payload: string;
  readonly startedAtMs: number;
  readonly deadlineMs: number;
}

/** Asks the main thread; `undefined` for a task that has ended. Never rejects. */
export type Describe = (tasks: readonly TaskRef[]) => Promise<readonly (TaskDescription | undefined)[]>;

/** The running tasks as inspectors see them. Each is asked for once, at the first beat that finds it running. */
export class ShownTasks {
  private readonly known = new Map<LeaseRecord, { readonly key: number; readonly description: TaskDescription }>();
  private asking: Promise<void> | undefined;

  constructor(
    private readonly table: LeaseTable,
    private readonly describe: Describe,
    private readonly clock: Clock,
  ) {}

  /** Without those for which the main thread has not answered yet. */
  async read(): Promise<{ readonly running: number; readonly tasks: readonly (TaskInHand & TaskDescription)[] }> {
    const unknown = this.running().filter((task) => !this.find(task));
    if (unknown.length > 0) this.asking ??= this.ask(unknown).finally(() => (this.asking = undefined));
    if (this.asking) await within(this.clock, ANSWER_MS, this.asking);
    const running = this.running();
    this.forgetOthers(running);
    const tasks = running.flatMap((task) => {
      const description = this.find(task);
      return description ? [{ ...task, ...description }] : [];
    });
    return { running: running.length, tasks };
  }

  private async ask(tasks: readonly TaskInHand[]): Promise<void> {
    const descriptions = await this.describe(tasks.map(({ slot, key }) => ({ slot, key })));
    tasks.forEach(({ record, key }, index) => {
      const description = descriptions[index];
      if (description) this.known.set(record, { key, description });
    });
  }

  private running(): TaskInHand[] {
    return this.table.tasksInHand().filter(({ isHeld }) => !isHeld);
  }

  private find({ record, key }: TaskInHand): TaskDescription | undefined {
    const known = this.known.get(record);
    return known?.key === key ? known.description : undefined;
  }

  private forgetOthers(tasks: readonly TaskInHand[]): void {
    const records = new Set(tasks.map(({ record }) => record));
    for (const record of this.known.keys()) if (!records.has(record)) this.known.delete(record);
  }
}
