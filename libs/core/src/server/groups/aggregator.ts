import {
  AWAITED_SIZES_LIFE_MS,
  type AggregationSet,
  type GroupLimits,
  type GroupNews,
  type GroupOps,
  LARGEST_SET,
  type WaitingGroup,
} from '../../broker/contract/groups.js';
import { ripeFromS } from '../../broker/group-ripeness.js';
import { Backoff } from '../../runtime/backoff.js';
import { monotonicMs } from '../../runtime/clock.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import { within } from '../../runtime/within.js';
import type { PayloadCodec } from '../../task/payload-codec.js';
import type { TaskEventListener } from '../../task/task-event.js';
import { fromS } from '../../wire/unix-time.js';
import { Aggregation } from './aggregation.js';
import type { GroupPlan, GroupPlans } from './group-aggregator.js';
import type { Leadership } from '../watch/work-watcher.js';

/** Longest time between two checks, as in asynq; a group that a Go client filled may be taken this late. */
const LONGEST_MS = 7_000;
/** Sets in work at one time, each of another group. */
const AT_ONE_TIME = 3;
/** Pause when a ripe group could not be taken: another server has it, or its clock runs behind ours. */
const STUCK_MS = 1_000;
/** How often the subscription to full groups is renewed. */
const ASK_EVERY_MS = AWAITED_SIZES_LIFE_MS / 3;
/** Longest time that the leader needs to take a full group. Other servers wait one to three times as long. */
const LEADER_HEAD_START_MS = 100;
/** Pauses of a group after failed aggregations. */
const FIRST_BACKOFF_MS = 5_000;
const LONGEST_BACKOFF_MS = 120_000;

export interface AggregatorOptions {
  readonly plans: GroupPlans;
  readonly codec: PayloadCodec;
  /** Hears `enqueued` of the new tasks. */
  readonly emit: TaskEventListener | undefined;
  /** How long `stop` waits for functions that run. */
  readonly shutdownTimeoutMs: number;
}

interface Failures {
  readonly backoff: Backoff;
  retryAtMs: number;
}

/**
 * Makes one task of the tasks of each ripe group of a queue. Every server with a function for the group does so, not only
 * the leader: servers may have functions for different groups, and a group is taken in one step.
 *
 * It takes the members of a ripe group as a set, which is ours for two minutes, for an {@link Aggregation}. If that fails,
 * the members go back to their group, which rests for a while.
 *
 * Sleeps until the next group is ripe by its age. The broker announces a full group: the leader takes it at once, another
 * server if it is still there a moment later. When a server dies in between, the recoverer of any server takes over the set.
 */
export class Aggregator extends Loop {
  private readonly failures = new Map<string, Failures>();
  /** Work on sets, by group; never rejects. One set of a group at a time: its failures are counted together. */
  private readonly running = new Map<string, Promise<void>>();
  /** Groups that the last check found ripe and that were not tried yet. */
  private ripe: string[] = [];
  /** Groups announced as full, and from when on to try them. */
  private readonly full = new Map<string, number>();
  private nextLookAtMs = 0;
  private askAgainAtMs = 0;
  private endNews: (() => Promise<void>) | undefined;
  private readonly longestMs: number;
  private abandoning = new AbortController();

  constructor(
    private readonly broker: Pick<GroupOps, Exclude<keyof GroupOps, 'reclaimSets' | 'nameLostGroups'>>,
    private readonly leadership: Pick<Leadership, 'isLeader'>,
    private readonly queue: string,
    private readonly options: AggregatorOptions,
    deps: LoopDeps,
  ) {
    super(`aggregator of queue "${queue}"`, deps);
    this.longestMs = Math.min(LONGEST_MS, fromS(options.plans.shortestWaitS));
  }

  /** Running functions get `shutdownTimeoutMs` to end; then the members of their sets go back. */
  override async stop(): Promise<void> {
    const stopped = super.stop().then(() => Promise.all(this.running.values()));
    await within(this.clock, this.options.shutdownTimeoutMs, stopped);
    this.abandoning.abort(new Error('the server shuts down'));
    await stopped;
    this.abandoning = new AbortController();
    this.ripe = [];
    this.full.clear();
    this.nextLookAtMs = this.askAgainAtMs = 0;
    const endNews = this.endNews;
    this.endNews = undefined;
    await endNews?.();
  }

  async runOnce(): Promise<number | undefined> {
    await this.askForNews(); // before the check: nothing is missed
    if (this.ripe.length === 0 && this.passedMs >= this.nextLookAtMs) await this.look();
    while (this.hasRoom) {
      const name = this.nextFull() ?? this.nextRipe();
      if (name === undefined) return Math.max(0, this.nextStepAtMs() - this.passedMs);
      await this.take(name);
    }
    return undefined; // until a set is done
  }

  /** Monotonic; all times here are measured by it. */
  private get passedMs(): number {
    return monotonicMs(this.clock);
  }

  private get hasRoom(): boolean {
    return this.running.size < AT_ONE_TIME && !this.stopSignal.aborted;
  }

  private async look(): Promise<void> {
    const lookedAtMs = this.passedMs;
    const nowMs = this.clock.nowMs();
    const groups = await this.broker.waitingGroups(this.queue);
    this.forgetFailuresOf(groups);
    const waiting = groups.flatMap((group) => this.wait(group, nowMs) ?? []);
    this.ripe = waiting.filter(({ forMs }) => forMs <= 0).map(({ name }) => name);
    const later = waiting.map(({ forMs }) => forMs).filter((forMs) => forMs > 0);
    this.nextLookAtMs = lookedAtMs + Math.min(...later, this.longestMs);
  }

  private wait(group: WaitingGroup, nowMs: number): { name: string; forMs: number } | undefined {
    const plan = this.options.plans.planFor(group.name);
    if (!plan) return undefined;
    const ripeInMs = fromS(ripeFromS(group, plan.limits)) - nowMs;
    return { name: group.name, forMs: Math.max(ripeInMs, this.restsUntilMs(group.name) - this.passedMs) };
  }

  private restsUntilMs(group: string): number {
    return this.failures.get(group)?.retryAtMs ?? 0;
  }

  private nextRipe(): string | undefined {
    for (;;) {
      const name = this.ripe.shift();
      if (name === undefined || !this.running.has(name)) return name;
    }
  }

  private nextFull(): string | undefined {
    const nowMs = this.passedMs;
    const name = this.fullGroups().find(({ atMs }) => atMs <= nowMs)?.name;
    if (name !== undefined) this.full.delete(name);
    return name;
  }

  /** Those that may be taken when their time has come; a set that is done wakes the loop for the next of its group. */
  private fullGroups(): { name: string; atMs: number }[] {
    return [...this.full]
      .filter(([name]) => !this.running.has(name))
      .map(([name, atMs]) => ({ name, atMs: Math.max(atMs, this.restsUntilMs(name)) }));
  }

  private nextStepAtMs(): number {
    return Math.min(this.nextLookAtMs, ...this.fullGroups().map(({ atMs }) => atMs));
  }

  private async take(name: string): Promise<void> {
    const plan = this.options.plans.planFor(name);
    if (!plan) return;
    const set = await this.broker.takeRipe(this.queue, name, plan.limits);
    if (!set) return this.lookBy(this.passedMs + STUCK_MS);
    if (set.tasks.length >= mostOfSet(plan.limits)) this.full.set(name, this.passedMs); // perhaps there are more
    const work = this.aggregateOrReturn(set, plan).then(() => {
      this.running.delete(name);
      this.wake();
    });
    this.running.set(name, work);
  }

  private lookBy(atMs: number): void {
    this.nextLookAtMs = Math.min(this.nextLookAtMs, atMs);
  }

  /** Subscribes to full groups. Where that is impossible, the periodic check finds them. */
  private async askForNews(): Promise<void> {
    const { fullSizes } = this.options.plans;
    const nowMs = this.passedMs;
    if (fullSizes.length === 0 || nowMs < this.askAgainAtMs) return;
    this.askAgainAtMs = nowMs + ASK_EVERY_MS;
    try {
      this.endNews ??= await this.broker.onGroupNews(this.queue, (group, news) => this.hear(group, news));
      await this.broker.awaitSizes(this.queue, fullSizes);
    } catch (error) {
      this.logger.debug(`${this.name} cannot subscribe to full groups`, { error });
    }
  }

  private hear(group: string, news: GroupNews): void {
    if (news === 'taken') {
      this.full.delete(group);
      return;
    }
    const maxSize = this.options.plans.planFor(group)?.limits.maxSize ?? 0;
    if (maxSize === 0 || this.full.has(group)) return;
    const delayMs = this.leadership.isLeader(this.queue) ? 0 : LEADER_HEAD_START_MS * (1 + 2 * this.random());
    this.full.set(group, this.passedMs + delayMs);
    this.wake();
  }

  /** Never rejects. */
  private async aggregateOrReturn(set: AggregationSet, plan: GroupPlan): Promise<void> {
    const { queue, broker, clock, logger } = this;
    const fields = { queue, group: set.group, tasks: set.tasks.length };
    try {
      await new Aggregation(queue, set, plan, this.abandoning.signal, { ...this.options, broker, clock, logger }).run();
      this.failures.delete(set.group);
    } catch (error) {
      const pauseMs = this.restAfterFailure(set.group);
      logger.error(`aggregation failed; next try in ${Math.round(pauseMs)} ms`, { ...fields, error });
      this.lookBy(this.restsUntilMs(set.group));
      try {
        await broker.returnSet(queue, set);
      } catch (cause) {
        // The recoverer gives them back when the set's deadline has passed.
        logger.warn('could not give back the tasks of a failed aggregation', { ...fields, error: cause });
      }
    }
  }

  private restAfterFailure(group: string): number {
    const failures = this.failures.get(group) ?? {
      backoff: new Backoff(FIRST_BACKOFF_MS, LONGEST_BACKOFF_MS, this.random),
      retryAtMs: 0,
    };
    const pauseMs = failures.backoff.nextMs();
    failures.retryAtMs = this.passedMs + pauseMs;
    this.failures.set(group, failures);
    return pauseMs;
  }

  /** Forgets groups that are gone, so that the names of failed groups do not pile up. */
  private forgetFailuresOf(waiting: readonly WaitingGroup[]): void {
    if (this.failures.size === 0) return;
    const names = new Set(waiting.map(({ name }) => name));
    for (const group of this.failures.keys()) {
      if (!names.has(group) && !this.running.has(group)) this.failures.delete(group);
    }
  }
}

/** Most tasks taken at one time. */
const mostOfSet = ({ maxSize }: GroupLimits): number => maxSize || LARGEST_SET;
