import { placeOf } from '../../../partitions/partition-name.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import type { TaskRouter } from './serve-mux.js';

/** How many tasks of a queue, or of one handler, run in this server, and how many may. */
export class RunLimit {
  running = 0;

  constructor(readonly most: number) {}

  /** How many more may run; below 0 when a lower limit was set while they ran. */
  get room(): number {
    return this.most - this.running;
  }
}

/**
 * The limits of queues and of handlers, below the concurrency of the server as a whole. A queue's partitions share its
 * limit, as do all types that one handler handles. Without any limit it costs a task one look at {@link isUsed}.
 */
export class RunLimits {
  private readonly limitOfQueue = new Map<string, RunLimit>();
  /** By pattern. */
  private readonly limitOfHandler = new Map<string, RunLimit>();

  /** @param queues name, as users know the queue, to limit */
  constructor(
    queues: Readonly<Record<string, number>>,
    private readonly router: TaskRouter,
  ) {
    for (const [queue, most] of Object.entries(queues)) this.limitOfQueue.set(queue, new RunLimit(most));
  }

  get isUsed(): boolean {
    return this.limitOfQueue.size > 0 || this.router.hasLimits === true;
  }

  get hasQueueLimits(): boolean {
    return this.limitOfQueue.size > 0;
  }

  /** Whether any handler has a limit: handlers may be added while the server runs. */
  get hasHandlerLimits(): boolean {
    return this.router.hasLimits === true;
  }

  /** The limit of an ordinary queue; `undefined`: none. */
  ofQueue(queue: string): RunLimit | undefined {
    if (this.limitOfQueue.size === 0) return undefined;
    return this.limitOfQueue.get(queue) ?? this.limitOfQueue.get(placeOf(queue).queue);
  }

  /** The limit of the handler of a type; `undefined`: none. */
  ofType(type: string): RunLimit | undefined {
    let route;
    try {
      route = this.router.route(type);
    } catch {
      return undefined; // the attempt reports the reason
    }
    if (route?.concurrency === undefined || route.pattern === undefined) return undefined;
    let limit = this.limitOfHandler.get(route.pattern);
    if (!limit) this.limitOfHandler.set(route.pattern, (limit = new RunLimit(route.concurrency)));
    return limit;
  }

  /** Counts a task that begins; returns what to pass to {@link leave} when it ends. */
  enter({ queue, type }: TaskMessage): readonly RunLimit[] {
    const entered = [this.ofQueue(queue), this.ofType(type)].filter((limit) => limit !== undefined);
    for (const limit of entered) limit.running += 1;
    return entered;
  }

  leave(entered: readonly RunLimit[]): void {
    for (const limit of entered) limit.running -= 1;
  }
}
