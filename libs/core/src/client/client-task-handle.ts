import type { NewTask } from '../broker/contract/enqueue.js';
import { TaskFailedError } from '../errors/task-failed.error.js';
import { placeOf } from '../partitions/partition-name.js';
import { addDecoded } from '../task/decoded-value.js';
import { decodeResult, type PayloadCodec } from '../task/payload-codec.js';
import type { EnqueuedTask, TaskEnd, TaskHandle, WaitOptions } from '../task/task-handle.js';
import type { TaskState } from '../wire/task-state.js';
import { nextProcessAt } from './enqueued-event.js';
import type { TaskWaiter } from './task-waiter.js';

export interface HandleDeps {
  readonly waiter: Pick<TaskWaiter, 'state' | 'wait'>;
  readonly codec: PayloadCodec;
}

/** A handle that shows only its data fields when it is logged or serialized as JSON. */
export class ClientTaskHandle implements TaskHandle {
  readonly id: string;
  readonly queue: string;
  readonly partition?: string;
  readonly #deps: HandleDeps;

  /** @param queue as the task's message has it */
  constructor({ id, queue }: Pick<TaskHandle, 'id' | 'queue'>, deps: HandleDeps) {
    const place = placeOf(queue);
    this.id = id;
    this.queue = place.queue;
    if (place.partition !== undefined) this.partition = place.partition;
    this.#deps = deps;
  }

  async state(): Promise<TaskState | undefined> {
    return this.#deps.waiter.state(this.partition ?? this.queue, this.id);
  }

  async wait(options?: WaitOptions): Promise<TaskEnd> {
    const end = await this.#deps.waiter.wait(this.partition ?? this.queue, this.id, options);
    return end.state === 'completed' ? addDecoded({ ...end }, 'resultValue', end.result, this.#deps.codec) : end;
  }

  async result<Result = unknown>(options?: WaitOptions): Promise<Result> {
    const end = await this.wait(options);
    if (end.state === 'archived') throw new TaskFailedError(this.queue, this.id, end.lastError);
    const bytes = end.state === 'completed' ? end.result : undefined;
    return (bytes && decodeResult(this.#deps.codec, bytes)) as Result;
  }
}

/** The handle of a task that this client has written. */
export class ClientEnqueuedTask extends ClientTaskHandle implements EnqueuedTask {
  readonly type: string;
  readonly initialState: EnqueuedTask['initialState'];
  readonly nextProcessAt: Date;

  constructor(task: NewTask, initialState: EnqueuedTask['initialState'], nowMs: number, deps: HandleDeps) {
    super(task.message, deps);
    this.type = task.message.type;
    this.initialState = initialState;
    this.nextProcessAt = nextProcessAt(task, initialState, nowMs);
  }
}
