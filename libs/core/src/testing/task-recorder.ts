import type { Broker } from '../broker/contract/broker.js';
import type { EnqueueOutcome, NewTask } from '../broker/contract/enqueue.js';
import { openMemoryBroker } from '../broker/memory/memory-broker.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import { jsonCodec, type PayloadCodec } from '../task/payload-codec.js';
import { type RecordedTask, recordTask } from './recorded-task.js';

/** Options of a recorder. */
export interface TaskRecorderOptions {
  /** Reads payloads. Default JSON. */
  readonly codec?: PayloadCodec | undefined;
  /** Default: the clock of this machine. */
  readonly clock?: Clock | undefined;
}

/**
 * Remembers what was enqueued. As the connection of a `Client` it checks the options as a real one does, and writes
 * nothing:
 *
 * ```ts
 * const recorder = new TaskRecorder();
 * const client = new Client({ connection: recorder.connection });
 * await new SignUp(client).join('ada@example.com');
 * assertEnqueued(recorder, 'email:welcome', { payload: { to: 'ada@example.com' } });
 * ```
 */
export class TaskRecorder {
  /** Accepts every task and stores none, so that neither ids nor locks are ever taken. */
  readonly connection: Broker;
  readonly #tasks: RecordedTask[] = [];
  readonly #codec: PayloadCodec;
  readonly #clock: Clock;

  constructor({ codec = jsonCodec, clock = systemClock }: TaskRecorderOptions = {}) {
    this.#codec = codec;
    this.#clock = clock;
    this.connection = {
      ...openMemoryBroker({ clock }),
      enqueue: async (tasks) => tasks.map((task) => this.#accept(task)),
    };
  }

  /** In the order in which they were enqueued, since the start or the last `clear`. */
  get enqueued(): readonly RecordedTask[] {
    return this.#tasks;
  }

  /** Forgets what was enqueued so far. */
  clear(): void {
    this.#tasks.length = 0;
  }

  /** Adds a task that another broker has accepted. */
  add(task: NewTask): void {
    this.#tasks.push(recordTask(task, this.#codec, this.#clock.nowMs()));
  }

  #accept(task: NewTask): EnqueueOutcome {
    this.add(task);
    const isLater = task.processAtMs !== undefined && task.processAtMs > this.#clock.nowMs();
    if (isLater) return { status: 'scheduled' };
    return { status: task.message.groupKey === '' ? 'pending' : 'aggregating' };
  }
}
