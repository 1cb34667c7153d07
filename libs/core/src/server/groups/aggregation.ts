import type { NewTask } from '../../broker/contract/enqueue.js';
import type { AggregationSet, FinishReply, GroupOps } from '../../broker/contract/groups.js';
import { composeTask, LARGEST_PAYLOAD_BYTES } from '../../client/enqueue-options.js';
import { enqueueRefusal } from '../../client/enqueue-refusal.js';
import { enqueuedEvent } from '../../client/enqueued-event.js';
import { asError } from '../../errors/as-error.js';
import { InvalidOptionsError } from '../../errors/invalid-options.error.js';
import { onAbort } from '../../runtime/abort.js';
import type { Clock } from '../../runtime/clock.js';
import { LazySignal } from '../../runtime/lazy-signal.js';
import type { Logger } from '../../runtime/logger.js';
import { placeOf } from '../../partitions/partition-name.js';
import { OptionReader } from '../../runtime/option-reader.js';
import { checkDecoded, type PayloadCodec, undecodable } from '../../task/payload-codec.js';
import type { TaskEventListener } from '../../task/task-event.js';
import type { TaskOptions } from '../../task/task-options.js';
import { type AggregationTrace, type TaskTracer, withHeaders } from '../../task/task-tracing.js';
import type { TaskMessage } from '../../wire/task-message.js';
import { fromS } from '../../wire/unix-time.js';
import type { AggregateSlots } from './aggregate-slots.js';
import type { AggregatedTask, AggregationContext, GroupedTask, GroupPlan } from './group-aggregator.js';

interface AggregationDeps {
  readonly broker: Pick<GroupOps, 'archiveMembers' | 'finishSet'>;
  readonly slots: Pick<AggregateSlots, 'run'>;
  readonly codec: PayloadCodec;
  /** Receives the event `enqueued` of the new task. */
  readonly emit: TaskEventListener | undefined;
  /** `undefined`: nothing is traced. */
  readonly tracer?: TaskTracer | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * One script replaces the members with the new task, so the task cannot go to another queue; nor may it join a group
 * again. Both are refused, not ignored.
 */
function checkMade(made: unknown, queue: string): void {
  if (typeof made !== 'object' || made === null) {
    throw new InvalidOptionsError([{ option: 'aggregate', value: made, allowed: 'a function that returns a task' }]);
  }
  const reader = new OptionReader(made, 'aggregate.');
  reader.onlyKnown(['type', 'payload', 'options']);
  const { options }: { readonly options?: TaskOptions | undefined } = made;
  const { queue: logical } = placeOf(queue);
  if (options?.queue !== undefined && options.queue !== queue && options.queue !== logical) {
    reader.refuse('options.queue', `only "${logical}", the queue of the tasks, or none`, options.queue);
  }
  if (options?.group !== undefined) reader.refuse('options.group', 'no group', options.group);
  reader.throwIfWrong();
}

/**
 * One run: a set of tasks becomes one task.
 *
 * 1. Archives the members whose payload does not decode.
 * 2. Calls the user's function, and waits for it until the set's deadline.
 * 3. Writes the new task and deletes the members, in one step.
 */
export class Aggregation {
  /** Begins when the function is called. */
  private trace: AggregationTrace | undefined;

  /** @param abandoned aborts when the aggregation is given up */
  constructor(
    private readonly queue: string,
    private readonly set: AggregationSet,
    private readonly plan: GroupPlan,
    private readonly abandoned: AbortSignal,
    private readonly deps: AggregationDeps,
  ) {}

  /**
   * @throws {NotStartedError} the functions of other sets took too long
   * @throws the error of the user's function, or the reason why its result was not awaited or not written; the caller
   * returns the remaining members to their group
   */
  async run(): Promise<void> {
    const tasks = await this.decodeMembers();
    if (tasks.length === 0) return;
    const { set } = this;
    const { slots, tracer } = this.deps;
    const ids = new Set(tasks.map(({ id }) => id));
    try {
      const made = await slots.run(() => {
        this.trace = tracer?.aggregating(this.queue, tasks);
        return this.traced(() => this.callInTime(tasks));
      });
      await this.traced(() => this.finish({ ...set, tasks: set.tasks.filter(({ id }) => ids.has(id)) }, made));
      this.trace?.end();
    } catch (error) {
      this.trace?.end(error);
      throw error;
    }
  }

  private traced<Result>(call: () => Result): Result {
    return this.trace ? this.trace.run(call) : call();
  }

  /**
   * A payload that does not decode is archived: no retry can fix it, and it would hold up the others forever.
   * @throws {TypeError} the codec is at fault
   */
  private async decodeMembers(): Promise<GroupedTask[]> {
    const { broker, codec } = this.deps;
    const refused: TaskMessage[] = [];
    const tasks = this.set.tasks.flatMap((message): GroupedTask[] => {
      const { id, type, payload: payloadBytes, headers } = message;
      let payload: unknown;
      try {
        payload = codec.decode(payloadBytes);
      } catch (error) {
        refused.push({ ...message, errorMsg: undecodable(error) });
        return [];
      }
      return [{ id, type, payload: checkDecoded(payload), payloadBytes, headers }];
    });
    if (refused.length > 0) await broker.archiveMembers(this.queue, this.set, refused);
    return tasks;
  }

  /** @throws the error of the user's function, or the reason why it is no longer awaited */
  private async callInTime(tasks: readonly GroupedTask[]): Promise<AggregatedTask> {
    const { queue, abandoned, plan, set } = this;
    const { clock, logger } = this.deps;
    abandoned.throwIfAborted();
    const deadlineMs = fromS(set.deadlineS);
    const abortion = new LazySignal((error) =>
      logger.error('an abort listener failed', { queue, group: set.group, error }),
    );
    const context: AggregationContext = {
      queue: placeOf(queue).queue,
      deadline: new Date(deadlineMs),
      get signal() {
        return abortion.signal;
      },
    };
    let giveUp: (reason: unknown) => void = () => undefined;
    const givenUp = new Promise<never>((_, reject) => (giveUp = reject));
    const abort = (reason: unknown): void => {
      abortion.abort(reason);
      giveUp(reason);
    };
    const timer = clock.setTimer(() => abort(new Error('the aggregation took too long')), deadlineMs - clock.nowMs());
    const forget = onAbort(abandoned, () => abort(abandoned.reason));
    try {
      const made = Promise.resolve().then(() => plan.aggregate(set.group, tasks, context));
      return await Promise.race([givenUp, made]);
    } finally {
      clock.clearTimer(timer);
      forget();
    }
  }

  /**
   * @param set without the members that were archived
   * @throws {InvalidOptionsError} the function returned no task, or one for another queue or a group
   * @throws {DuplicateTaskError} another task holds the lock of the new one
   * @throws {TaskIdConflictError} the queue holds a task of its id
   */
  private async finish(set: AggregationSet, made: AggregatedTask): Promise<void> {
    const { queue } = this;
    checkMade(made, queue);
    const { codec, emit, clock, logger } = this.deps;
    const item = { ...made, options: { ...made.options, queue, group: undefined } };
    // Not limited: a combined payload may be large, and the client's limit is for payloads from outside.
    const settings = { codec, maxPayloadBytes: LARGEST_PAYLOAD_BYTES, defaults: this.plan.defaults };
    const nowMs = clock.nowMs();
    const task = composeTask(item, settings, nowMs);
    const reply = await this.write(set, task, nowMs);
    if (reply.status === 'setLost') {
      const fields = { queue, group: set.group, tasks: set.tasks.length };
      logger.warn(
        'an aggregation ended after its deadline and was dropped; its tasks will be aggregated again',
        fields,
      );
      return;
    }
    const state = (task.processAtMs ?? 0) > nowMs ? 'scheduled' : 'pending';
    emit?.(enqueuedEvent(task, state, nowMs));
  }

  /** @throws why the task was refused */
  private async write(set: AggregationSet, task: NewTask, nowMs: number): Promise<FinishReply> {
    const { broker, tracer } = this.deps;
    const trace = tracer?.enqueueing([task.message], nowMs, 'call');
    try {
      const reply = await broker.finishSet(this.queue, set, withHeaders(task, trace?.headers[0]));
      const refusal = enqueueRefusal(task, reply);
      if (refusal) throw refusal;
      if (reply.status !== 'setLost') trace?.end([]); // otherwise nothing was enqueued
      return reply;
    } catch (error) {
      trace?.end([asError(error)]);
      throw error;
    }
  }
}
