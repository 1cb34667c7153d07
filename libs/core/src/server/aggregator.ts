import type { AggregationSet, GroupOps, WaitingGroup } from '../broker/group-roles.js';
import { ripeFromS } from '../broker/group-ripeness.js';
import { composeTask } from '../client/enqueue-options.js';
import { DuplicateTaskError } from '../errors/duplicate-task.error.js';
import { TaskIdConflictError } from '../errors/task-id-conflict.error.js';
import { Backoff } from '../runtime/backoff.js';
import { Loop, type LoopDeps } from '../runtime/loop.js';
import { within } from '../runtime/within.js';
import type { PayloadCodec } from '../task/payload-codec.js';
import type { TaskEventListener } from '../task/task-event.js';
import type { TaskMessage } from '../wire/task-message.js';
import { fromS } from '../wire/unix-time.js';
import type { AggregatedTask, GroupedTask, GroupPlan, GroupPlans } from './group-aggregator.js';
import { enqueuedEvent } from './server-events.js';

/** Longest time between two looks, asynq's: so late may a group be taken that is ripe by its size. */
const LONGEST_MS = 7_000;
/** Groups that are worked on at one time. */
const AT_ONE_TIME = 3;
/** Pause when a ripe group could not be taken: another server has it, or its clock runs behind ours. */
const STUCK_MS = 1_000;
/** Pauses of a group whose aggregation fails. */
const FIRST_BACKOFF_MS = 5_000;
const LONGEST_BACKOFF_MS = 120_000;

/** Redis' own limit for a string: the limit of clients is for payloads from outside. */
const LARGEST_PAYLOAD_BYTES = 512 * 1024 * 1024;

export interface AggregatorOptions {
  readonly plans: GroupPlans;
  readonly codec: PayloadCodec;
  /** Hears `enqueued` of the new tasks. */
  readonly emit: TaskEventListener;
  /** How long `stop` waits for functions that run. */
  readonly shutdownTimeoutMs: number;
}

interface Failures {
  readonly backoff: Backoff;
  retryAtMs: number;
}

/**
 * Makes one task of the tasks of each ripe group of a queue. Every server that has a function does, not the leader
 * alone: another server may have functions for other groups, and a group is taken in one step.
 *
 * 1. Takes the members of a ripe group as a set, which is ours for two minutes.
 * 2. Calls the user's function. If it fails, the members go back to their group, which rests for a while.
 * 3. Writes the new task and deletes the members, in one step.
 *
 * A server that dies in between leaves the set to the recoverer of any server.
 */
export class Aggregator extends Loop {
  private readonly failures = new Map<string, Failures>();
  private readonly longestMs: number;
  private abandoning = new AbortController();

  constructor(
    private readonly broker: GroupOps,
    private readonly queue: string,
    private readonly options: AggregatorOptions,
    deps: LoopDeps,
  ) {
    super(`aggregator of queue "${queue}"`, deps);
    this.longestMs = Math.min(LONGEST_MS, fromS(options.plans.shortestWaitS));
  }

  /** Functions that run have `shutdownTimeoutMs` to end; then the members of their sets go back. */
  override async stop(): Promise<void> {
    const stopped = super.stop();
    await within(this.clock, this.options.shutdownTimeoutMs, stopped);
    this.abandoning.abort(new Error('the server shuts down'));
    await stopped;
    this.abandoning = new AbortController();
  }

  async runOnce(): Promise<number> {
    const nowMs = this.clock.nowMs();
    const groups = await this.broker.waitingGroups(this.queue);
    this.forgetFailuresOf(groups);
    const dueTimes = groups.flatMap((group) => this.dueTime(group) ?? []);
    const due = dueTimes.filter(({ atMs }) => atMs <= nowMs);
    if (due.length > 0) return (await this.aggregateAll(due)) ? 0 : STUCK_MS;
    const nextMs = Math.min(...dueTimes.map(({ atMs }) => atMs - nowMs));
    return Math.min(nextMs, this.longestMs);
  }

  private dueTime(group: WaitingGroup): { name: string; plan: GroupPlan; atMs: number } | undefined {
    const plan = this.options.plans.planFor(group.name);
    if (!plan) return undefined;
    const ripeFromMs = fromS(ripeFromS(group, plan.limits));
    return { name: group.name, plan, atMs: Math.max(ripeFromMs, this.failures.get(group.name)?.retryAtMs ?? 0) };
  }

  /** `true` when any group was taken. */
  private async aggregateAll(due: readonly { name: string; plan: GroupPlan }[]): Promise<boolean> {
    const queued = due.values();
    let isAnyTaken = false;
    const work = async (): Promise<void> => {
      for (const { name, plan } of queued) {
        if (this.stopSignal.aborted) return;
        const set = await this.broker.takeRipe(this.queue, name, plan.limits);
        if (!set) continue;
        isAnyTaken = true;
        await this.aggregateOrReturn(set, plan);
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: AT_ONE_TIME }, work));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return isAnyTaken;
  }

  private async aggregateOrReturn(set: AggregationSet, plan: GroupPlan): Promise<void> {
    try {
      await this.aggregate(set, plan);
      this.failures.delete(set.group);
    } catch (error) {
      const pauseMs = this.restAfterFailure(set.group);
      const fields = { queue: this.queue, group: set.group, tasks: set.tasks.length, error };
      this.logger.error(`aggregation failed; next try in ${Math.round(pauseMs)} ms`, fields);
      await this.broker.returnSet(this.queue, set);
    }
  }

  private async aggregate(set: AggregationSet, { aggregate }: GroupPlan): Promise<void> {
    const tasks = await this.decodeMembers(set);
    if (tasks.length === 0) return;
    const made = await this.callInTime(set, (signal) => {
      const deadline = new Date(fromS(set.deadlineS));
      return aggregate(set.group, tasks, { queue: this.queue, deadline, signal });
    });
    const ids = new Set(tasks.map(({ id }) => id));
    await this.finish({ ...set, tasks: set.tasks.filter(({ id }) => ids.has(id)) }, made);
  }

  /** A payload that does not decode is archived: no retry can mend it, and it would hold up the others for ever. */
  private async decodeMembers(set: AggregationSet): Promise<GroupedTask[]> {
    const refused: TaskMessage[] = [];
    const tasks = set.tasks.flatMap((message): GroupedTask[] => {
      const { id, type, payload: payloadBytes, headers } = message;
      try {
        return [{ id, type, payload: this.options.codec.decode(payloadBytes), payloadBytes, headers }];
      } catch (error) {
        refused.push({ ...message, errorMsg: `payload does not decode: ${String(error)}` });
        return [];
      }
    });
    if (refused.length > 0) await this.broker.archiveMembers(this.queue, set, refused);
    return tasks;
  }

  /** @throws what `call` throws, or the reason why nobody waits for it any more */
  private async callInTime<T>(set: AggregationSet, call: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
    const late = new AbortController();
    const timer = this.clock.setTimer(
      () => late.abort(new Error('the aggregation took too long')),
      fromS(set.deadlineS) - this.clock.nowMs(),
    );
    const signal = AbortSignal.any([late.signal, this.abandoning.signal]);
    try {
      return await new Promise<T>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        Promise.resolve()
          .then(() => call(signal))
          .then(resolve, reject);
      });
    } finally {
      this.clock.clearTimer(timer);
    }
  }

  /** @throws {DuplicateTaskError} another task holds the lock of the new one */
  private async finish(set: AggregationSet, made: AggregatedTask | undefined): Promise<void> {
    if (!made) throw new TypeError('the aggregate function returned no task');
    const { queue } = this;
    const { codec } = this.options;
    const item = { ...made, options: { ...made.options, queue, group: undefined } };
    const settings = { codec, maxPayloadBytes: LARGEST_PAYLOAD_BYTES, defaults: {} };
    const nowMs = this.clock.nowMs();
    const task = composeTask(item, settings, nowMs);
    const reply = await this.broker.finishSet(queue, set, task);
    const { id, type } = task.message;
    if (reply.status === 'idConflict') throw new TaskIdConflictError(queue, id);
    if (reply.status === 'duplicate') throw new DuplicateTaskError(queue, type, reply.holderId);
    if (reply.status === 'finished') return this.options.emit(enqueuedEvent(task, nowMs));
    const fields = { queue, group: set.group, tasks: set.tasks.length };
    this.logger.warn('an aggregation ended too late and was dropped; its tasks are aggregated again', fields);
  }

  private restAfterFailure(group: string): number {
    const failures = this.failures.get(group) ?? {
      backoff: new Backoff(FIRST_BACKOFF_MS, LONGEST_BACKOFF_MS, this.random),
      retryAtMs: 0,
    };
    const pauseMs = failures.backoff.nextMs();
    failures.retryAtMs = this.clock.nowMs() + pauseMs;
    this.failures.set(group, failures);
    return pauseMs;
  }

  /** Groups that are gone, so that the names of groups that fail once do not pile up. */
  private forgetFailuresOf(waiting: readonly WaitingGroup[]): void {
    if (this.failures.size === 0) return;
    const names = new Set(waiting.map(({ name }) => name));
    for (const group of this.failures.keys()) if (!names.has(group)) this.failures.delete(group);
  }
}
