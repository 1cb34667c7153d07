import type { StoredTask, TaskList } from '../broker/contract/lists.js';
import { QUARANTINED_TYPE } from '../broker/stored-message.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { QueueNotFoundError } from '../errors/queue-not-found.error.js';
import { TaskNotFoundError } from '../errors/task-not-found.error.js';
import { TaskStateError } from '../errors/task-state.error.js';
import { OptionReader } from '../runtime/option-reader.js';
import type { TaskState } from '../wire/task-state.js';
import { placeOf } from '../partitions/partition-name.js';
import { PartitionLookup } from './partition-lookup.js';
import { QueueChange, type QueueChangeBroker } from './queue-change.js';

/** Maximum number of attempts when the task is moved between the lookup and the operation. */
const ATTEMPTS = 3;

const ANY_BUT_ACTIVE = ['pending', 'scheduled', 'retry', 'archived', 'completed', 'aggregating'] as const;

/** The states that allow each operation. */
const ALLOWED = {
  run: ['scheduled', 'retry', 'archived', 'completed', 'aggregating'],
  runNext: ANY_BUT_ACTIVE,
  archive: ['pending', 'scheduled', 'retry', 'completed', 'aggregating'],
  delete: ANY_BUT_ACTIVE,
  reschedule: ANY_BUT_ACTIVE,
  moveToQueue: ['pending', 'scheduled', 'retry', 'aggregating'],
} as const satisfies Record<string, readonly TaskState[]>;

/** Options of operations on one task. */
export interface TaskMoveOptions {
  /** Act only in this state. Default: in every state that allows it. */
  readonly expectedState?: TaskState | undefined;
}

type Act = (from: TaskList, task: StoredTask) => Promise<boolean>;

/**
 * Moves single tasks. Each operation looks the task up and acts on its list; if the task moves in between, it retries.
 */
export class TaskMover {
  constructor(
    private readonly broker: QueueChangeBroker,
    private readonly lookup: Pick<PartitionLookup, 'isKnown'> = new PartitionLookup(broker),
  ) {}

  async move(
    queue: string,
    taskId: string,
    action: 'run' | 'runNext' | 'archive' | 'delete',
    options: TaskMoveOptions,
  ): Promise<void> {
    const to = { run: 'pending', runNext: 'pendingHead', archive: 'archived', delete: 'deleted' } as const;
    await this.act(queue, taskId, ALLOWED[action], options, async (from) => {
      const [moved] = await this.broker.moveTasks(queue, from, [taskId], to[action]);
      return moved!;
    });
  }

  async reschedule(queue: string, taskId: string, atMs: number, options: TaskMoveOptions): Promise<void> {
    await this.act(queue, taskId, ALLOWED.reschedule, options, (from) =>
      this.broker.reschedule(queue, from, taskId, atMs),
    );
  }

  /** See {@link QueueChange} for the steps. */
  async moveToQueue(queue: string, taskId: string, target: string, options: TaskMoveOptions): Promise<void> {
    await this.act(queue, taskId, ALLOWED.moveToQueue, options, async (from, task) => {
      if (task.message.type === QUARANTINED_TYPE)
        throw new TaskStateError(placeOf(queue).queue, taskId, 'unreadable', ALLOWED.moveToQueue);
      return new QueueChange(this.broker, from, task, target).perform();
    });
  }

  async updatePayload(queue: string, taskId: string, payload: Uint8Array): Promise<void> {
    const state = await this.broker.updatePayload(queue, taskId, payload);
    if (state === undefined) throw await this.notFound(queue, taskId);
    if (state !== 'scheduled') throw new TaskStateError(placeOf(queue).queue, taskId, state, ['scheduled']);
  }

  /** The error for a missing task: is its queue missing, too? */
  async notFound(queue: string, taskId: string): Promise<Error> {
    const isKnown = await this.lookup.isKnown(queue);
    const { queue: named } = placeOf(queue);
    return isKnown ? new TaskNotFoundError(named, taskId) : new QueueNotFoundError(named);
  }

  private async act(
    queue: string,
    taskId: string,
    allowed: readonly TaskState[],
    options: TaskMoveOptions,
    act: Act,
  ): Promise<void> {
    const reader = new OptionReader(options);
    reader.onlyKnown(['expectedState']);
    reader.throwIfWrong();
    const { expectedState } = options;
    const needed = allowed.filter((state) => expectedState === undefined || state === expectedState);
    if (needed.length === 0) {
      throw new InvalidOptionsError([{ option: 'expectedState', value: expectedState, allowed: allowed.join(', ') }]);
    }
    let task: StoredTask | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      task = await this.broker.findTask(queue, taskId);
      if (!task) throw await this.notFound(queue, taskId);
      const { state } = task;
      if (!needed.includes(state)) break;
      if (await act({ state, group: groupOf(state, task) }, task)) return;
    }
    throw new TaskStateError(placeOf(queue).queue, taskId, task!.state, needed);
  }
}

const groupOf = (state: TaskState, { message }: StoredTask): string | undefined =>
  state === 'aggregating' ? message.groupKey : undefined;
