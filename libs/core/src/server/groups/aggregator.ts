import {
  AWAITED_SIZES_LIFE_MS,
  type AggregationSet,
  type GroupChange,
  type GroupLimits,
  type GroupOps,
  type GroupOrder,
} from '../../broker/contract/groups.js';
import type { ForwardOps } from '../../broker/contract/forward.js';
import { ripeFromS } from '../../broker/group-ripeness.js';
import type { RedisCommandError } from '../../errors/redis-command.error.js';
import { Backoff } from '../../runtime/backoff.js';
import { monotonicMs } from '../../runtime/clock.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import { Subscription } from '../../runtime/subscription.js';
import { within } from '../../runtime/within.js';
import type { PayloadCodec } from '../../task/payload-codec.js';
import type { TaskEventListener } from '../../task/task-event.js';
import type { TaskTracer } from '../../task/task-tracing.js';
import { floorS, fromS } from '../../wire/unix-time.js';
import { AggregateSlots, AT_ONE_TIME, NotStartedError } from './aggregate-slots.js';
import { Aggregation } from './aggregation.js';
import type { GroupPlan, GroupPlans } from './group-aggregator.js';
import { RipeWindow } from './ripe-window.js';
import type { Leadership } from '../watch/work-watcher.js';

/** Maximum interval between looks, as in asynq; up to a few thousand groups are also checked one by one this often. */
const LONGEST_MS = 7_000;
/** Delay between two pages of groups that are checked one by one: after the start, on the leader, on another server. */
const PAGE_DELAY_MS = { first: 5, leader: 200, other: 1_000 };
/** How often the orders of the groups and the subscription to full ones are renewed. */
const RENEW_EVERY_MS = AWAITED_SIZES_LIFE_MS / 3;
/** Head start of the leader for a full group. Other servers wait one to three times as long. */
const LEADER_HEAD_START_MS = 100;
/** Delays of a group after failed aggregations. */
const FIRST_BACKOFF_MS = 5_000;
const LONGEST_BACKOFF_MS = 120_000;

interface AggregatorOptions {
  readonly plans: GroupPlans;
  readonly codec: PayloadCodec;
  /** Hears `enqueued` of the new tasks. */
  readonly emit: TaskEventListener | undefined;
  /** `undefined`: nothing is traced. */
  readonly tracer?: TaskTracer | undefined;
  /** How long `stop` waits for running functions. */
  readonly shutdownTimeoutMs: number;
}

interface Failures {
  readonly backoff: Backoff;
  retryAtMs: number;
}

/**
 * Combines the tasks of each ripe group of a queue into one task. Every server with a function for the group does this,
 * not only the leader: servers may have functions for different groups, and a group is taken in one step.
 *
 * Takes the members of a ripe group as a set, which is ours for two minutes, for an {@link Aggregation}. If that fails,
 * the members return to their group, which backs off.
 *
 * It finds ripe groups in three ways, each of which costs as much as it finds, or little by little:
 * 1. A {@link RipeWindow} for each time limit. It sleeps until the next group is ripe.
 * 2. The broker announces full groups: the leader takes one at once, another server if it is still there after a short
 *    delay.
 * 3. It checks all groups one by one, a page at a time, because Go announces nothing and messages may be lost.
 *
 * If a server dies with a set, a recoverer returns the set.
 */
export class Aggregator extends Loop {
  protected override readonly restsFor = 'due';
  private readonly failures = new Map<string, Failures>();
  /** Aggregations by group; never reject. One set of a group at a time, so that its failures are counted together. */
  private readonly running = new Map<string, Promise<void>>();
  /** Groups to try now: announced ones, ripe ones, and those whose sets are taken one by one because they are large. */
  private readonly urgent = new Set<string>();
  private readonly ripe = new Set<string>();
  private readonly large = new Set<string>();
  /** Groups to try later, and when. */
  private readonly later = new Map<string, number>();
  private nextLaterAtMs = Infinity;
  private readonly windows: readonly RipeWindow[];
  private nextLookAtMs = 0;
  private readonly pages = { position: undefined as string | undefined, isFirstRound: true, beganAtMs: 0, nextAtMs: 0 };
  private renewAtMs = 0;
  private readonly slots: AggregateSlots;
  private readonly changes: Subscription;
  /** Where time leaps: instead of looking for groups again and again. */
  private readonly arrivals: Subscription;
  private readonly longestMs: number;
  private abandoning = new AbortController();

  constructor(
    private readonly broker: Pick<GroupOps, Exclude<keyof GroupOps, 'reclaimSets' | 'nameLostGroups'>> &
      Pick<ForwardOps, 'onNudge'>,
    private readonly leadership: Pick<Leadership, 'isLeader'>,
    private readonly queue: string,
    private readonly options: AggregatorOptions,
    deps: LoopDeps,
  ) {
    super(`aggregator of queue "${queue}"`, deps);
    const { plans } = options;
    this.longestMs = Math.min(LONGEST_MS, fromS(plans.shortestWaitS));
    this.windows = [
      ...plans.gracePeriodsS.map((limitS) => new RipeWindow(broker, queue, 'newest', limitS)),
      ...plans.maxDelaysS.map((limitS) => new RipeWindow(broker, queue, 'oldest', limitS)),
    ];
    this.slots = new AggregateSlots(deps.clock);
    const listener = (group: string, change: GroupChange): void => this.onChanged(group, change);
    this.changes = new Subscription(
      deps.clock,
      () => broker.onGroupChanged(queue, listener),
      () => this.checkAllNow(),
    );
    const checkAll = (): void => this.checkAllNow();
    this.arrivals = new Subscription(deps.clock, () => broker.onNudge(queue, checkAll), checkAll);
  }

  /** Running functions get `shutdownTimeoutMs` to end; then the members of their sets return to their groups. */
  override async stop(): Promise<void> {
    const stopped = super.stop().then(() => Promise.all(this.running.values()));
    await within(this.clock, this.options.shutdownTimeoutMs, stopped);
    this.abandoning.abort(new Error('the server shuts down'));
    await stopped;
    this.abandoning = new AbortController();
    for (const groups of [this.urgent, this.ripe, this.large, this.later]) groups.clear();
    for (const window of this.windows) window.reset();
    this.nextLaterAtMs = Infinity;
    this.nextLookAtMs = this.renewAtMs = 0;
    Object.assign(this.pages, { position: undefined, isFirstRound: true, beganAtMs: 0, nextAtMs: 0 });
    await Promise.all([this.changes.end(), this.arrivals.end()]);
  }

  async runOnce(): Promise<number | undefined> {
    await this.prepare(); // before the look, so that nothing is missed
    while (this.hasRoom) {
      this.tryDue();
      if (await this.takeNext()) continue;
      if (this.passedMs < this.nextLookAtMs) return this.restMs();
      await this.look();
    }
    return undefined; // until a set is done
  }

  /** Monotonic; all times here are measured by it. */
  private get passedMs(): number {
    return monotonicMs(this.clock);
  }

  /** Half of the sets are taken at a time, so that they share round trips. */
  private get hasRoom(): boolean {
    const { size } = this.running;
    return !this.stopSignal.aborted && (size < AT_ONE_TIME || size <= this.slots.mostSets / 2);
  }

  /** Until the next look or group; `undefined`: until a group arrives. */
  private restMs(): number | undefined {
    const isIdle = this.later.size === 0 && this.windows.every(({ nextRipeAtMs }) => nextRipeAtMs === Infinity);
    if (this.clock.leaps && isIdle) return undefined;
    return Math.max(0, Math.min(this.nextLookAtMs, this.nextLaterAtMs) - this.passedMs);
  }

  private async look(): Promise<void> {
    const lookedAtMs = this.passedMs;
    const nowMs = this.clock.nowMs();
    this.nextLookAtMs = lookedAtMs + this.longestMs;
    await Promise.all(this.windows.map((window) => this.readWindow(window, nowMs)));
    if (lookedAtMs >= this.pages.nextAtMs) await this.checkPage();
    const nextRipeMs = Math.min(...this.windows.map(({ nextRipeAtMs }) => nextRipeAtMs)) - nowMs;
    this.lookBy(Math.min(lookedAtMs + nextRipeMs, this.pages.nextAtMs));
  }

  private async readWindow(window: RipeWindow, nowMs: number): Promise<void> {
    for (const name of await window.read(floorS(nowMs))) {
      const limits = this.options.plans.planFor(name)?.limits;
      if (limits && window.limitS === limitOf(limits, window.order)) this.tryNow(name);
    }
  }

  /** Checks some groups one by one. */
  private async checkPage(): Promise<void> {
    const { pages } = this;
    if (pages.position === undefined) pages.beganAtMs = this.passedMs;
    const { groups, next } = await this.broker.waitingGroups(this.queue, pages.position);
    const nowS = floorS(this.clock.nowMs());
    for (const group of groups) {
      const plan = this.options.plans.planFor(group.name);
      if (plan && ripeFromS(group, plan.limits) <= nowS) this.tryNow(group.name);
    }
    pages.position = next;
    if (next === undefined) pages.isFirstRound = false;
    pages.nextAtMs = next === undefined ? pages.beganAtMs + this.longestMs : this.passedMs + this.pageDelayMs;
  }

  private get pageDelayMs(): number {
    if (this.pages.isFirstRound) return PAGE_DELAY_MS.first;
    return this.leadership.isLeader(this.queue) ? PAGE_DELAY_MS.leader : PAGE_DELAY_MS.other;
  }

  /** Checks all groups again, from the first. */
  private checkAllNow(): void {
    Object.assign(this.pages, { position: undefined, isFirstRound: true, nextAtMs: 0 });
    this.lookBy(0);
    this.wake();
  }

  private lookBy(atMs: number): void {
    this.nextLookAtMs = Math.min(this.nextLookAtMs, atMs);
  }

  private tryNow(name: string): void {
    const retryAtMs = this.failures.get(name)?.retryAtMs ?? 0;
    if (this.running.has(name) || retryAtMs > this.passedMs) this.tryAt(name, retryAtMs);
    else if (!this.urgent.has(name) && !this.large.has(name)) this.ripe.add(name);
  }

  private tryAt(name: string, atMs: number): void {
    this.later.set(name, Math.max(atMs, this.failures.get(name)?.retryAtMs ?? 0));
    this.nextLaterAtMs = Math.min(this.nextLaterAtMs, this.later.get(name)!);
  }

  /** Groups whose time has come may be taken; a finished set wakes the loop for the next one of its group. */
  private tryDue(): void {
    const nowMs = this.passedMs;
    if (nowMs < this.nextLaterAtMs) return;
    this.nextLaterAtMs = Infinity;
    for (const [name, atMs] of this.later) {
      if (this.running.has(name)) continue;
      if (atMs > nowMs) {
        this.nextLaterAtMs = Math.min(this.nextLaterAtMs, atMs);
        continue;
      }
      this.later.delete(name);
      this.ripe.delete(name);
      this.urgent.add(name);
    }
  }

  /** Takes sets of the next groups to try; `false` when there are none. */
  private async takeNext(): Promise<boolean> {
    const { mostSets } = this.slots;
    const isOneByOne = this.large.size > 0 || mostSets <= AT_ONE_TIME;
    const room = (isOneByOne ? AT_ONE_TIME : mostSets) - this.running.size;
    const names = this.nextNames(isOneByOne ? [this.large, this.urgent, this.ripe] : [this.urgent, this.ripe], room);
    const results = await Promise.allSettled(names.map((name) => this.take(name, isOneByOne)));
    const failures = results.flatMap((result, i) => (result.status === 'rejected' ? [[names[i]!, result.reason]] : []));
    for (const [name, error] of failures) if ((error as RedisCommandError).isTransient) this.ripe.add(name as string);
    if (failures.length > 0) throw failures[0]![1];
    return names.length > 0;
  }

  private nextNames(sources: readonly Set<string>[], most: number): string[] {
    const names: string[] = [];
    for (const source of sources) {
      for (const name of source) {
        if (names.length >= most) return names;
        source.delete(name);
        if (this.running.has(name)) this.tryAt(name, 0);
        else if (!names.includes(name)) names.push(name);
      }
    }
    return names;
  }

  /** @param isAnySize whether a set may be large; if not, a large group is put back until it may be */
  private async take(name: string, isAnySize: boolean): Promise<void> {
    const { queue, broker } = this;
    const plan = this.options.plans.planFor(name);
    if (!plan) return;
    const set = await (isAnySize
      ? broker.takeRipe(queue, name, plan.limits)
      : broker.takeSmall(queue, name, plan.limits));
    if (set === 'tooLarge') {
      this.large.add(name);
      return;
    }
    if (!set) {
      this.failures.delete(name);
      return;
    }
    if (set.left > 0) this.tryAt(name, 0);
    const work = this.aggregateOrReturn(set, plan).then(() => {
      this.running.delete(name);
      if (this.later.has(name)) this.nextLaterAtMs = 0;
      this.wake();
    });
    this.running.set(name, work);
  }

  /** Keeps groups in order and subscribes to full ones. Where that is impossible, checking all groups finds them. */
  private async prepare(): Promise<void> {
    const { plans } = this.options;
    const nowMs = this.passedMs;
    if (nowMs < this.renewAtMs) return;
    this.renewAtMs = nowMs + RENEW_EVERY_MS;
    try {
      if (this.clock.leaps) await this.arrivals.begin();
      const orders = new Set(this.windows.map(({ order }) => order));
      if (await this.broker.orderGroups(this.queue, [...orders])) this.checkAllNow();
      if (plans.fullSizes.length === 0) return;
      await this.changes.begin();
      await this.broker.awaitSizes(this.queue, plans.fullSizes);
    } catch (error) {
      this.logger.debug(`${this.name} cannot subscribe to groups`, { error });
    }
  }

  private onChanged(group: string, change: GroupChange): void {
    if (change === 'taken') {
      if (!this.failures.has(group)) this.later.delete(group);
      return;
    }
    const maxSize = this.options.plans.planFor(group)?.limits.maxSize ?? 0;
    if (maxSize === 0 || this.later.has(group)) return;
    const delayMs = this.leadership.isLeader(this.queue) ? 0 : LEADER_HEAD_START_MS * (1 + 2 * this.random());
    this.tryAt(group, this.passedMs + delayMs);
    this.wake();
  }

  /** Never rejects. */
  private async aggregateOrReturn(set: AggregationSet, plan: GroupPlan): Promise<void> {
    const { queue, broker, clock, logger, slots } = this;
    const fields = { queue, group: set.group, tasks: set.tasks.length };
    const deps = { ...this.options, broker, clock, logger, slots };
    try {
      await new Aggregation(queue, set, plan, this.abandoning.signal, deps).run();
      this.failures.delete(set.group);
    } catch (error) {
      if (error instanceof NotStartedError) {
        this.tryAt(set.group, 0);
      } else if (this.abandoning.signal.aborted) {
        const message = 'stopping: an aggregation takes longer than shutdownTimeout; its tasks return to their group';
        logger.warn(message, { ...fields, error });
      } else {
        const pauseMs = this.restAfterFailure(set.group);
        logger.error(`aggregation failed; next attempt in ${Math.round(pauseMs)} ms`, { ...fields, error });
      }
      try {
        await broker.returnSet(queue, set);
      } catch (cause) {
        // The recoverer returns them when the set's deadline has passed.
        logger.warn('could not return the tasks of a failed aggregation to their group', { ...fields, error: cause });
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
    this.tryAt(group, failures.retryAtMs);
    return pauseMs;
  }
}

const limitOf = ({ gracePeriodS, maxDelayS }: GroupLimits, order: GroupOrder): number =>
  order === 'newest' ? gracePeriodS : maxDelayS;
