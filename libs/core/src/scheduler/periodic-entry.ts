import { isSameDefinition } from './definition-changes.js';
import type {
  CatchUp,
  ScheduleDefinition,
  ScheduleProgress,
  StoredSchedule,
  TickReply,
} from '../broker/contract/schedules.js';
import { type ComposeSettings, composeTemplate, type EnqueueItem } from '../client/enqueue-options.js';
import { digestOf } from '../broker/stored-template.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { type Clock, monotonicMs } from '../runtime/clock.js';
import { OptionReader } from '../runtime/option-reader.js';
import type { TaskOptions } from '../task/task-options.js';
import { newEntryId } from '../wire/schedule-entry-id.js';
import type { SchedulerEntry } from '../wire/scheduler-entry.js';
import { MOST_SKEW_MS, tickToClaim } from './catch-up.js';
import { parseCronSpec } from '../cron/cron-spec.js';
import { optionTexts, type PeriodicTaskOptions, readPeriodicOptions } from './periodic-options.js';
import type { TickTimes } from '../cron/tick-times.js';

/** The configuration of one periodic task. */
export interface PeriodicTaskConfig {
  /** Five fields, a descriptor such as `@daily`, or `@every 30s`; the syntax of asynq. */
  readonly spec: string;
  readonly type: string;
  readonly payload?: unknown;
  readonly options?: PeriodicTaskOptions | undefined;
}

export interface EntrySettings {
  readonly composing: ComposeSettings;
  /** Zone of specs without one. */
  readonly zone: string;
}

/** Ticks are whole seconds. */
const SHORTEST_PERIOD_MS = 1000;

/** One periodic task of a scheduler, and the known state of its schedule. */
export class PeriodicEntry {
  /** New with every registration, as in asynq. */
  readonly id: string;
  /** `undefined` until the schedule is stored. */
  progress: ScheduleProgress | undefined;
  /** Unix ms of the tick to claim next; `undefined`: none. */
  nextMs: number | undefined;
  /** Whether another definition is stored under this name and fires instead. */
  isReplaced = false;
  /** Whether that was logged. */
  isReplacementLogged = false;
  /** Whether the schedule has changed since it was read. */
  isStale = false;
  /** Whether it was logged that its ticks are claimed up to a future time. */
  isKnownAhead = false;
  /** Not retried before this time, by the monotonic clock, after a failure that is not transient. */
  restUntilMs = 0;
  /** How far its claim may be ahead of the clock and still be valid. */
  private mostAheadMs = MOST_SKEW_MS;

  constructor(
    readonly definition: ScheduleDefinition & { readonly catchUp: CatchUp },
    readonly item: EnqueueItem & { readonly options: TaskOptions },
    /** Equal for equal definitions. */
    readonly digest: string,
    private readonly times: TickTimes,
  ) {
    this.id = newEntryId(definition.queue, definition.name);
  }

  get name(): string {
    return this.definition.name;
  }

  /** Time until the next action, ms; `Infinity`: none. */
  waitMs(clock: Clock): number {
    const isBehind = !this.progress || this.isStale;
    const untilTickMs = isBehind ? 0 : (this.nextMs ?? Infinity) - clock.nowMs();
    return Math.max(0, untilTickMs, this.restUntilMs - monotonicMs(clock));
  }

  /** Adopts the stored progress. A paused schedule is read again at its next tick. */
  resumeFrom(progress: ScheduleProgress, nowMs: number): void {
    this.progress = progress;
    this.isReplaced = false;
    this.isReplacementLogged = false;
    this.nextMs = progress.isPaused
      ? this.times.next(nowMs, progress.sinceMs)
      : tickToClaim(this.times, progress, this.definition.catchUp, nowMs, this.mostAheadMs);
    if (progress.claimedMs <= nowMs) this.mostAheadMs = MOST_SKEW_MS;
  }

  /** Its claim may be in the future now. */
  clockWasSetBack(nowMs: number): void {
    this.mostAheadMs = SHORTEST_PERIOD_MS;
    if (!this.progress) return;
    if (this.isReplaced) this.giveWay(this.progress, nowMs);
    else this.resumeFrom(this.progress, nowMs);
  }

  /** Adopts changes made to the schedule elsewhere. */
  follow(stored: StoredSchedule | undefined, nowMs: number): void {
    if (!stored)
      this.progress = undefined; // to be stored again
    else if (isSameDefinition(stored, this.definition)) this.resumeFrom(stored, nowMs);
    else this.giveWay(stored, nowMs);
  }

  /** Adopts the result of a claim. */
  accept({ outcome, progress }: TickReply, nowMs: number): void {
    if (!progress)
      this.progress = undefined; // to be stored again
    else if (outcome.status === 'replaced') this.giveWay(progress, nowMs);
    else this.resumeFrom(progress, nowMs);
  }

  /** Chooses the next tick again: the clock may have been set, or Redis unavailable, since the last choice. */
  catchUpAt(nowMs: number): void {
    if (!this.progress || this.nextMs === undefined || nowMs - this.nextMs < SHORTEST_PERIOD_MS) return;
    if (this.isReplaced || this.progress.isPaused) return;
    this.nextMs = tickToClaim(this.times, this.progress, this.definition.catchUp, nowMs, this.mostAheadMs);
  }

  private giveWay(progress: ScheduleProgress, nowMs: number): void {
    this.progress = progress;
    this.isReplaced = true;
    this.nextMs = this.times.next(nowMs, progress.sinceMs);
  }

  /** The entry as inspectors read it. */
  toPlan(): SchedulerEntry {
    return {
      id: this.id,
      spec: this.definition.spec,
      taskType: this.item.type,
      taskPayload: this.definition.template.message.payload,
      enqueueOptions: optionTexts(this.item.options),
      nextEnqueueAtMs: this.nextMs,
      prevEnqueueAtMs: this.progress?.firedMs,
    };
  }
}

/**
 * @throws {CronSpecError} the spec cannot be read
 * @throws {InvalidOptionsError} type, payload or options are wrong
 * @throws {PayloadTooLargeError} the encoded payload is above the limit
 */
export function makeEntry(config: PeriodicTaskConfig, { composing, zone }: EntrySettings): PeriodicEntry {
  const reader = new OptionReader(config, '', 'periodic task');
  reader.onlyKnown(['spec', 'type', 'payload', 'options']);
  reader.throwIfWrong();
  const { spec: given, type, payload, options = {} } = config;
  const settings = readPeriodicOptions(options);
  const times = parseCronSpec(given, { zone: settings.zone ?? zone, seconds: settings.seconds });
  const template = composeTemplate({ type, payload, options: settings.task }, composing);
  const { queue, payload: bytes } = template.message;
  const spec = withZone(given, settings.zone ?? zone);
  const { catchUp } = settings;
  const digest = digestOf({ spec, catchUp, template });
  const name = settings.name ?? `${type}:${digest.slice(0, 12)}`;
  // Encoded now: the caller may change the value later. No payload stays none, since it has another unique lock than an
  // empty one.
  const item = { type, payload: payload === undefined ? undefined : bytes, options: settings.task };
  return new PeriodicEntry({ queue, name, spec, catchUp, template }, item, digest, times);
}

/** The spec includes the zone, so that every reader knows it. */
function withZone(spec: string, zone: string): string {
  const isSettled = zone === 'UTC' || /^(?:CRON_)?TZ=/.test(spec) || spec.startsWith('@every ');
  return isSettled ? spec : `CRON_TZ=${zone} ${spec}`;
}

export const nameTaken = (name: string): InvalidOptionsError =>
  new InvalidOptionsError([
    {
      option: 'name',
      value: name,
      allowed: 'a name that no other periodic task of this scheduler has; set it to distinguish equal ones',
    },
  ]);
