import { randomUUID } from 'node:crypto';
import type { ScheduleDefinition, ScheduleProgress, TickReply } from '../broker/schedule-roles.js';
import { type ComposeSettings, composeTask } from '../client/enqueue-options.js';
import type { TaskOptions } from '../task/task-options.js';
import type { SchedulerEntry } from '../wire/scheduler-entry.js';
import { type CatchUp, tickToClaim } from './catch-up.js';
import { parseCronSpec } from '../cron/cron-spec.js';
import { optionTexts, periodicTaskHash, type PeriodicTaskOptions, readPeriodicOptions } from './periodic-options.js';
import type { TickTimes } from '../cron/tick-times.js';

/** One line of a plan, as the user gives it. */
export interface PeriodicTaskConfig {
  /** Five fields, a descriptor such as `@daily`, or `@every 30s`; the syntax of asynq. */
  readonly spec: string;
  readonly type: string;
  readonly payload?: unknown;
  readonly options?: PeriodicTaskOptions | undefined;
}

export interface EntrySettings {
  readonly composing: ComposeSettings;
  /** Zone of specs that name none. */
  readonly zone: string;
}

/** One periodic task of a scheduler, and what the scheduler knows of its schedule. */
export class PeriodicEntry {
  /** As in asynq it is new with every registration. */
  readonly id = randomUUID();
  /** `undefined` until the schedule is stored. */
  progress: ScheduleProgress | undefined;
  /** Unix ms of the tick to claim next; `undefined`: none. */
  nextMs: number | undefined;
  /** Somebody stored another spec under this name. */
  isReplaced = false;

  constructor(
    readonly definition: ScheduleDefinition,
    readonly item: { readonly type: string; readonly payload: unknown; readonly options: TaskOptions },
    /** Tells equal configurations. */
    readonly hash: string,
    private readonly payloadBytes: Uint8Array,
    private readonly times: TickTimes,
    readonly catchUp: CatchUp,
  ) {}

  get name(): string {
    return this.definition.name;
  }

  /** Takes over how far the schedule is, as it was stored. */
  resumeFrom(progress: ScheduleProgress, nowMs: number): void {
    this.progress = progress;
    this.isReplaced = false;
    this.nextMs = tickToClaim(this.times, progress, this.catchUp, nowMs);
  }

  /** Takes over what became of a claim. A schedule that may not fire is asked again at its next tick. */
  accept({ outcome, progress }: TickReply, nowMs: number): void {
    if (!progress) {
      this.progress = undefined; // to be stored again
      return;
    }
    this.isReplaced = outcome.status === 'replaced';
    if (!this.isReplaced && !progress.isPaused) return this.resumeFrom(progress, nowMs);
    this.progress = progress;
    this.nextMs = this.times.next(nowMs, progress.sinceMs);
  }

  /** As inspectors see it. */
  toPlan(): SchedulerEntry {
    return {
      id: this.id,
      spec: this.definition.spec,
      taskType: this.item.type,
      taskPayload: this.payloadBytes,
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
export function makeEntry(
  config: PeriodicTaskConfig,
  { composing, zone }: EntrySettings,
  nowMs: number,
): PeriodicEntry {
  const { spec: given, type, payload, options = {} } = config;
  const settings = readPeriodicOptions(options);
  const times = parseCronSpec(given, { zone: settings.zone ?? zone, seconds: settings.seconds });
  const { message } = composeTask({ type, payload, options: settings.task }, composing, nowMs);
  const spec = withZone(given, settings.zone ?? zone);
  const hash = periodicTaskHash(spec, type, message.payload, optionTexts(settings.task));
  const name = settings.name ?? `${type}:${hash.slice(0, 12)}`;
  const definition = { queue: message.queue, name, spec, taskType: type };
  // The bytes of now, whatever becomes of the value. No payload stays none: its unique lock is another.
  const item = { type, payload: payload === undefined ? undefined : message.payload, options: settings.task };
  return new PeriodicEntry(definition, item, hash, message.payload, times, settings.catchUp);
}

/** The zone goes with the spec, so that every reader knows it. */
function withZone(spec: string, zone: string): string {
  const isSettled = zone === 'UTC' || /^(?:CRON_)?TZ=/.test(spec) || spec.startsWith('@every ');
  return isSettled ? spec : `CRON_TZ=${zone} ${spec}`;
}
