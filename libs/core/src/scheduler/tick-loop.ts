import type { Broker } from '../broker/contract/broker.js';
import type { PresenceOps } from '../broker/contract/presence.js';
import type { ScheduleOps, TickReply } from '../broker/contract/schedules.js';
import { noteEnqueued } from '../client/enqueue-history.js';
import { taskOf } from '../client/enqueue-options.js';
import { enqueuedEvent } from '../client/enqueued-event.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { monotonicMs } from '../runtime/clock.js';
import { LogLimit } from '../runtime/log-limit.js';
import { Loop, type LoopDeps } from '../runtime/loop.js';
import { callGuarded } from '../runtime/user-callback.js';
import { Subscription } from '../runtime/subscription.js';
import type { TaskEventListener } from '../task/task-event.js';
import { type TaskTracer, withHeaders } from '../task/task-tracing.js';
import { dateOf } from '../wire/unix-time.js';
import { describeDefinition, differencesOf, isAbandoned, isSameDefinition } from './definition-changes.js';
import { MOST_SKEW_MS } from './catch-up.js';
import type { PeriodicEntry } from './periodic-entry.js';
import type { SchedulerOptions } from './scheduler-options.js';

/** Maximum number of ticks of one entry claimed per round: one with many missed ticks must not delay the others. */
const TICKS_PER_ROUND = 100;
/** Entries processed concurrently: thousands may be due in the same second. */
const MAX_CONCURRENT_ENTRIES = 100;

/**
 * Timers do not follow the time of day: they do not fire earlier when it jumps ahead or the machine sleeps. Checks at
 * this interval find a tick before it counts as missed.
 */
const LONGEST_SLEEP_MS = 8_000;
/** Delay after a failure of a single entry, while Redis answers. */
const REST_MS = 5_000;
const LOG_EVERY_MS = 30_000;
/** A smaller step back is a regular clock correction. */
const SET_BACK_MS = 500;

export interface TickLoopDeps extends LoopDeps {
  readonly broker: ScheduleOps & Pick<PresenceOps, 'recordEnqueueEvent'> & Pick<Broker, 'syncClock'>;
  readonly emit: TaskEventListener | undefined;
  /** `undefined`: nothing is traced. */
  readonly tracer?: TaskTracer | undefined;
  readonly beforeEnqueue: SchedulerOptions['beforeEnqueue'];
  /** Called when entries have been assigned their first tick. */
  readonly onPlanned: () => void;
}

/** Claims the due ticks of a queue's entries, and sleeps until the next one. */
export class TickLoop extends Loop {
  protected override readonly restsFor = 'due';
  private readonly entries = new Map<string, PeriodicEntry>();
  private readonly failures: LogLimit;
  /** The time of day minus the monotonic time. */
  private offsetMs = Number.NEGATIVE_INFINITY;
  private readonly changes: Subscription;
  /** Pending writes to histories. */
  private readonly recording = new Set<Promise<void>>();

  constructor(
    private readonly queue: string,
    private readonly deps: TickLoopDeps,
  ) {
    super(`scheduler of queue "${queue}"`, deps);
    this.failures = new LogLimit(deps.clock, LOG_EVERY_MS);
    const listen = (): Promise<() => Promise<void>> =>
      deps.broker.onScheduleChanged(queue, (name) => this.onChanged(name));
    this.changes = new Subscription(deps.clock, listen, () => this.onSubscribedLate());
  }

  get isIdle(): boolean {
    return this.entries.size === 0;
  }

  add(entry: PeriodicEntry): void {
    this.entries.set(entry.name, entry);
    this.wake();
  }

  remove(entry: PeriodicEntry): void {
    if (this.has(entry)) this.entries.delete(entry.name);
  }

  async runOnce(): Promise<number | undefined> {
    await this.deps.broker.syncClock();
    await this.listen(); // before the schedules are read, so that no change is missed
    this.noticeSetBack();
    const due = [...this.entries.values()].filter((entry) => entry.waitMs(this.clock) === 0);
    const areNew = due.some(({ progress }) => !progress);
    await this.advanceAll(due);
    if (areNew) this.deps.onPlanned();
    return this.untilNext();
  }

  override async stop(): Promise<void> {
    await super.stop();
    await Promise.all([...this.recording, this.changes.end()]);
  }

  private untilNext(): number | undefined {
    let shortestMs = Infinity;
    for (const entry of this.entries.values()) shortestMs = Math.min(shortestMs, entry.waitMs(this.clock));
    const longestMs = this.clock.leaps ? Infinity : LONGEST_SLEEP_MS;
    return shortestMs === Infinity ? undefined : Math.min(shortestMs, longestMs);
  }

  private noticeSetBack(): void {
    const nowMs = this.clock.nowMs();
    const offsetMs = nowMs - monotonicMs(this.clock);
    const isSetBack = offsetMs < this.offsetMs - SET_BACK_MS;
    this.offsetMs = offsetMs;
    if (isSetBack) for (const entry of this.entries.values()) entry.clockWasSetBack(nowMs);
  }

  /** Without the subscription a change made elsewhere is noticed at the next tick. */
  private async listen(): Promise<void> {
    try {
      await this.changes.begin();
    } catch (error) {
      if (!this.failures.allows('changes')) return;
      this.logger.warn(`${this.name} cannot subscribe to changes and will try again`, { error });
    }
  }

  private onChanged(name: string): void {
    const entry = this.entries.get(name);
    if (!entry) return;
    entry.isStale = true;
    this.wake();
  }

  /** Earlier changes have been missed. */
  private onSubscribedLate(): void {
    for (const entry of this.entries.values()) entry.isStale = true;
    this.wake();
  }

  /**
   * A failing entry does not delay the others.
   * @throws {RedisCommandError} Redis is unavailable, which affects all entries
   */
  private async advanceAll(due: readonly PeriodicEntry[]): Promise<void> {
    const waiting = due.values();
    let away: RedisCommandError | undefined;
    const work = async (): Promise<void> => {
      for (const entry of waiting) {
        if (away || this.stopSignal.aborted) return;
        try {
          await this.advance(entry);
        } catch (error) {
          if (error instanceof RedisCommandError && error.isTransient) away = error;
          else this.rest(entry, error);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(due.length, MAX_CONCURRENT_ENTRIES) }, work));
    if (away) throw away;
  }

  private rest(entry: PeriodicEntry, error: unknown): void {
    entry.restUntilMs = monotonicMs(this.clock) + REST_MS;
    if (!this.failures.allows('entry')) return;
    this.logger.error(`periodic task "${entry.name}" failed; next attempt in ${REST_MS} ms`, { error });
  }

  private async advance(entry: PeriodicEntry): Promise<void> {
    if (entry.isStale) await this.read(entry);
    if (!entry.progress) await this.store(entry);
    this.warnOfFuture(entry);
    for (let ticks = 0; ticks < TICKS_PER_ROUND && !this.stopSignal.aborted && this.has(entry); ticks++) {
      const nowMs = this.clock.nowMs();
      entry.catchUpAt(nowMs);
      if (!entry.progress || entry.nextMs === undefined || entry.nextMs > nowMs) return;
      await this.fire(entry, entry.nextMs, entry.progress.claimedMs);
    }
  }

  /** The definition stored last fires. Logs the one that it replaces, so that two tasks with one name are noticed. */
  async store(entry: PeriodicEntry): Promise<void> {
    const { definition } = entry;
    const { progress, replaced } = await this.deps.broker.saveSchedule(definition);
    entry.resumeFrom(progress, this.clock.nowMs());
    if (!replaced) return;
    const isOtherTask = replaced.taskType !== definition.template.message.type;
    // With the same type it is most likely a newer version, and the other scheduler logs a warning.
    this.logger[isOtherTask ? 'warn' : 'info'](
      `periodic task "${entry.name}" of queue "${this.queue}" (${describeDefinition(definition)}) replaces the one that ` +
        `was stored under this name (${describeDefinition(replaced)}; other ${differencesOf(replaced, definition)}), which ` +
        'no longer fires. If they are two periodic tasks, give one of them another "name".',
    );
  }

  /** Another definition is stored under the name of this entry. It fires as long as a scheduler has it. */
  private async giveWay(entry: PeriodicEntry): Promise<void> {
    const { definition, name } = entry;
    const stored = await this.deps.broker.findSchedule(definition);
    if (!stored || isSameDefinition(stored, definition)) return; // it has changed since; the next tick shows it
    if (isAbandoned(stored, this.clock.nowMs())) return this.store(entry);
    if (entry.isReplacementLogged) return;
    entry.isReplacementLogged = true;
    this.logger.warn(
      `periodic task "${name}" of queue "${this.queue}" (${describeDefinition(definition)}) no longer fires here: another ` +
        `was stored under this name (${describeDefinition(stored)}; other ${differencesOf(stored, definition)}). If they ` +
        'are two periodic tasks, give one of them another "name".',
    );
  }

  /** Reads without storing: another version of the app may have stored another definition under the name. */
  private async read(entry: PeriodicEntry): Promise<void> {
    entry.isStale = false; // before the call: a change announced during it may be newer than its reply
    try {
      entry.follow(await this.deps.broker.findSchedule(entry.definition), this.clock.nowMs());
    } catch (error) {
      entry.isStale = true;
      throw error;
    }
    if (entry.isReplaced) await this.giveWay(entry);
    if (entry.progress) return;
    this.logger.info(
      `periodic task "${entry.name}" is stored again: its schedule was removed from queue "${this.queue}"`,
    );
  }

  /** Dies after the claim: the task is enqueued, only the history is incomplete. */
  private async fire(entry: PeriodicEntry, tickMs: number, claimedMs: number): Promise<void> {
    const { broker, emit, tracer } = this.deps;
    const nowMs = this.clock.nowMs();
    this.announce(entry);
    const made = taskOf(entry.definition.template, nowMs);
    const trace = tracer?.enqueueing([made.message], nowMs, 'tick');
    const task = withHeaders(made, trace?.headers[0]);
    const { id } = task.message;
    const reply = await broker.fireTick({ ...entry.definition, claimedMs, tickMs, task });
    this.report(entry, reply);
    entry.accept(reply, this.clock.nowMs());
    if (entry.isReplaced) await this.giveWay(entry);
    if (reply.outcome.status !== 'enqueued') return; // nor does its span end, so that no exporter sees it
    trace?.end([]);
    emit?.(enqueuedEvent(task, reply.outcome.state, nowMs));
    if (!this.has(entry)) return; // its history has been deleted, and must not be created again
    const recording = noteEnqueued(broker, entry, id, this.deps).finally(() => this.recording.delete(recording));
    this.recording.add(recording); // stored on another cluster node: the next tick does not wait for it
  }

  private has(entry: PeriodicEntry): boolean {
    return this.entries.get(entry.name) === entry;
  }

  private announce({ name, item }: PeriodicEntry): void {
    callGuarded(
      () => this.deps.beforeEnqueue?.(item),
      (error) => this.logger.error(`beforeEnqueue failed for periodic task "${name}"`, { error }),
    );
  }

  /** A clock that was ahead has claimed future ticks. */
  private warnOfFuture(entry: PeriodicEntry): void {
    const { name, progress, isReplaced } = entry;
    const isAhead =
      progress !== undefined &&
      progress.claimedMs > this.clock.nowMs() + MOST_SKEW_MS &&
      (entry.nextMs ?? Infinity) > progress.claimedMs;
    if (!isAhead || isReplaced || entry.isKnownAhead) return;
    entry.isKnownAhead = true;
    this.logger.warn(
      `periodic task "${name}" has already fired up to ${dateOf(progress.claimedMs).toISOString()} and waits until ` +
        'then: some clock was ahead, or this one is behind. To continue from now, pause and resume it.',
    );
  }

  private report(entry: PeriodicEntry, { outcome }: TickReply): void {
    const { name, queue } = entry.definition;
    switch (outcome.status) {
      case 'idConflict':
      case 'duplicate':
        this.logger.debug(`periodic task "${name}" was not enqueued: the previous one is still in queue "${queue}"`);
        break;
      case 'missing':
        this.logger.info(`periodic task "${name}" is stored again: its schedule was removed from queue "${queue}"`);
        break;
      default: // enqueued, claimed by another scheduler, replaced, or paused
    }
  }
}
