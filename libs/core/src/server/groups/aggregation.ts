import type { AggregationSet, GroupOps } from '../../broker/group-roles.js';
import { composeTask, LARGEST_PAYLOAD_BYTES } from '../../client/enqueue-options.js';
import { enqueueRefusal } from '../../client/enqueue-refusal.js';
import { enqueuedEvent, enqueuedFacts } from '../../client/enqueued-facts.js';
import { LinkedAbort, unlessAborted } from '../../runtime/abort.js';
import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import type { PayloadCodec } from '../../task/payload-codec.js';
import type { TaskEventListener } from '../../task/task-event.js';
import type { TaskMessage } from '../../wire/task-message.js';
import { fromS } from '../../wire/unix-time.js';
import type { AggregatedTask, GroupedTask, GroupPlan } from './group-aggregator.js';

export interface AggregationDeps {
  readonly broker: Pick<GroupOps, 'archiveMembers' | 'finishSet'>;
  readonly codec: PayloadCodec;
  /** Hears `enqueued` of the new task. */
  readonly emit: TaskEventListener | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * One set of tasks on its way to become one task.
 *
 * 1. Archives the members whose payload does not decode.
 * 2. Calls the user's function, and waits for it until the set's deadline.
 * 3. Writes the new task and deletes the members, in one step.
 */
export class Aggregation {
  /** @param abandoned aborts when nobody waits any more */
  constructor(
    private readonly queue: string,
    private readonly set: AggregationSet,
    private readonly plan: GroupPlan,
    private readonly abandoned: AbortSignal,
    private readonly deps: AggregationDeps,
  ) {}

  /**
   * @throws what the user's function throws, or why its answer was not awaited or not written; the members that are
   * still there are to be given back
   */
  async run(): Promise<void> {
    const tasks = await this.decodeMembers();
    if (tasks.length === 0) return;
    const { queue, set } = this;
    const { aggregate } = this.plan;
    const deadline = new Date(fromS(set.deadlineS));
    const made = await this.callInTime((signal) => aggregate(set.group, tasks, { queue, deadline, signal }));
    const ids = new Set(tasks.map(({ id }) => id));
    await this.finish({ ...set, tasks: set.tasks.filter(({ id }) => ids.has(id)) }, made);
  }

  /** A payload that does not decode is archived: no retry can mend it, and it would hold up the others for ever. */
  private async decodeMembers(): Promise<GroupedTask[]> {
    const { broker, codec } = this.deps;
    const refused: TaskMessage[] = [];
    const tasks = this.set.tasks.flatMap((message): GroupedTask[] => {
      const { id, type, payload: payloadBytes, headers } = message;
      try {
        return [{ id, type, payload: codec.decode(payloadBytes), payloadBytes, headers }];
      } catch (error) {
        refused.push({ ...message, errorMsg: `payload does not decode: ${String(error)}` });
        return [];
      }
    });
    if (refused.length > 0) await broker.archiveMembers(this.queue, this.set, refused);
    return tasks;
  }

  /** @throws what `call` throws, or the reason why nobody waits for it any more */
  private async callInTime<T>(call: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
    const { clock } = this.deps;
    const abort = new LinkedAbort([this.abandoned]);
    const { signal } = abort;
    const timer = clock.setTimer(
      () => abort.abort(new Error('the aggregation took too long')),
      fromS(this.set.deadlineS) - clock.nowMs(),
    );
    try {
      signal.throwIfAborted();
      return await unlessAborted(
        signal,
        Promise.resolve().then(() => call(signal)),
      );
    } finally {
      clock.clearTimer(timer);
      abort.release();
    }
  }

  /**
   * @param set without the members that were archived
   * @throws {DuplicateTaskError} another task holds the lock of the new one
   * @throws {TaskIdConflictError} the queue holds a task of its id
   */
  private async finish(set: AggregationSet, made: AggregatedTask | undefined): Promise<void> {
    if (!made) throw new TypeError('the aggregate function returned no task');
    const { queue } = this;
    const { broker, codec, emit, clock, logger } = this.deps;
    const item = { ...made, options: { ...made.options, queue, group: undefined } };
    // Many payloads in one may be large: the limit of clients is for payloads from outside.
    const settings = { codec, maxPayloadBytes: LARGEST_PAYLOAD_BYTES, defaults: {} };
    const nowMs = clock.nowMs();
    const task = composeTask(item, settings, nowMs);
    const reply = await broker.finishSet(queue, set, task);
    const refusal = enqueueRefusal(task, reply);
    if (refusal) throw refusal;
    if (reply.status === 'setLost') {
      const fields = { queue, group: set.group, tasks: set.tasks.length };
      logger.warn('an aggregation ended too late and was dropped; its tasks are aggregated again', fields);
      return;
    }
    const state = (task.processAtMs ?? 0) > nowMs ? 'scheduled' : 'pending';
    emit?.(enqueuedEvent(enqueuedFacts(task, state, nowMs), nowMs));
  }
}
