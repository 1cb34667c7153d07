import type { Connection } from '../broker/connection.js';
import { clockOf, openBroker } from '../broker/open-broker.js';
import type { Broker } from '../broker/roles.js';
import { ClosedError } from '../errors/closed.error.js';
import { InvalidOptionsError, type OptionProblem } from '../errors/invalid-options.error.js';
import { QueueNotFoundError } from '../errors/queue-not-found.error.js';
import { TaskNotFoundError } from '../errors/task-not-found.error.js';
import type { Clock } from '../runtime/clock.js';
import { consoleLogger, type Logger } from '../runtime/logger.js';
import { OptionReader } from '../runtime/option-reader.js';
import { isText } from '../runtime/unicode-text.js';
import { queueNameProblem } from '../wire/queue-name.js';
import { type QueueInfo, toQueueInfo } from './queue-info.js';
import { type TaskInfo, toTaskInfo } from './task-info.js';

/** Options of an inspector. Only `connection` is needed. */
export interface InspectorOptions {
  /** Where the queues live. A broker that is handed in stays open at `close()`. */
  readonly connection: Connection;
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger | undefined;
  /** Default: the broker's, else the machine's. For tests. */
  readonly clock?: Clock | undefined;
}

/**
 * Reads queues and tasks and controls them, those of Go programs too. Every method may also throw
 * `InvalidOptionsError` for a name that cannot be one, `RedisCommandError`, and `ClosedError` after `close()`.
 */
export class Inspector {
  readonly #broker: Broker;
  readonly #ownsBroker: boolean;
  #isClosed = false;

  /**
   * Connects when it is first used.
   * @throws {InvalidOptionsError} an option is wrong; all of them at once
   */
  constructor(options: InspectorOptions) {
    const reader = new OptionReader(options);
    reader.onlyKnown(['connection', 'logger', 'clock']);
    if (options.connection === undefined) reader.refuse('connection', "a Redis connection or 'memory'");
    reader.throwIfWrong();
    const { connection, logger = consoleLogger, clock = clockOf(connection) } = options;
    this.#broker = openBroker(connection, { clock, logger });
    this.#ownsBroker = this.#broker !== connection;
  }

  // ---- queues ---------------------------------------------------------------------------------------------------

  /** Names of all queues that a task was ever put into, sorted. */
  async queues(): Promise<string[]> {
    return (await this.#open().queueNames()).toSorted();
  }

  /** @throws {QueueNotFoundError} nobody has put a task into it */
  async queueInfo(queue: string): Promise<QueueInfo> {
    refuse(queueNameProblem('queue', queue));
    const stats = await this.#open().queueStats(queue);
    if (!stats) throw new QueueNotFoundError(queue);
    return toQueueInfo(queue, stats);
  }

  /** Stops all servers from starting tasks of the queue; running ones go on. `false` when it was paused already. */
  async pauseQueue(queue: string): Promise<boolean> {
    refuse(queueNameProblem('queue', queue));
    return this.#open().pause(queue);
  }

  /** `false` when the queue was not paused. */
  async unpauseQueue(queue: string): Promise<boolean> {
    refuse(queueNameProblem('queue', queue));
    return this.#open().unpause(queue);
  }

  // ---- tasks ----------------------------------------------------------------------------------------------------

  /**
   * @throws {TaskNotFoundError} the queue holds no such task: it ended and was not retained, or never was
   * @throws {QueueNotFoundError} nobody has put a task into the queue
   */
  async taskInfo(queue: string, taskId: string): Promise<TaskInfo> {
    refuse(queueNameProblem('queue', queue) ?? taskIdProblem(taskId));
    const task = await this.#open().findTask(queue, taskId);
    if (task) return toTaskInfo(task);
    const isKnown = (await this.#open().queueNames()).includes(queue);
    throw isKnown ? new TaskNotFoundError(queue, taskId) : new QueueNotFoundError(queue);
  }

  /** Asks every server to abort the running task with this id, in any queue. A signal: nobody may hear it. */
  async cancelTask(taskId: string): Promise<void> {
    refuse(taskIdProblem(taskId));
    await this.#open().publishCancel(taskId);
  }

  /** Closes the connections that this inspector opened. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#ownsBroker) await this.#broker.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #open(): Broker {
    if (this.#isClosed) throw new ClosedError('inspector');
    return this.#broker;
  }
}

function taskIdProblem(taskId: unknown): OptionProblem | undefined {
  return isText(taskId) ? undefined : { option: 'taskId', value: taskId, allowed: 'text that is not blank' };
}

function refuse(problem: OptionProblem | undefined): void {
  if (problem) throw new InvalidOptionsError([problem]);
}
