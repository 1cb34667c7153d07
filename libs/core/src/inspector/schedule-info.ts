import type { StoredSchedule } from '../broker/contract/schedules.js';
import { storedTickAfter } from '../cron/cron-spec.js';
import { markOf, scheduleMark } from '../wire/schedule-entry-id.js';
import type { SchedulerEntry } from '../wire/scheduler-entry.js';
import { dateOf } from '../wire/unix-time.js';

/** A stored schedule, whether or not a running scheduler has it. */
export interface ScheduleInfo {
  readonly queue: string;
  /** Unique in the queue. */
  readonly name: string;
  /** Time zone included, when it is not UTC. */
  readonly spec: string;
  readonly type: string;
  /** The payload of its tasks; `undefined` when it cannot be read. */
  readonly payload: Uint8Array | undefined;
  /** Ticks are skipped while it is paused. */
  readonly isPaused: boolean;
  /** Since when it is stored with this spec; intervals count from here. */
  readonly since: Date;
  /** The last tick that a scheduler claimed; `undefined`: none yet. */
  readonly lastFiredAt: Date | undefined;
  /**
   * The first tick that no scheduler has claimed or skipped: in the past when it is late, because none runs or none reaches
   * Redis. `undefined` as for `nextAt`.
   */
  readonly dueAt: Date | undefined;
  /** The next tick by its spec, paused or not; `undefined`: never again, or the spec cannot be read. */
  readonly nextAt: Date | undefined;
  /**
   * The entries of running schedulers for it, with this spec and type, as ids for `schedulerEvents`. Empty: no
   * scheduler fires it, or the scheduler has just started. The entries of a lost scheduler are shown for some more
   * seconds.
   */
  readonly entryIds: readonly string[];
}

/** @param entries of running schedulers */
export function toScheduleInfos(
  schedules: readonly StoredSchedule[],
  entries: readonly SchedulerEntry[],
  nowMs: number,
): ScheduleInfo[] {
  const byMark = new Map<string, SchedulerEntry[]>();
  for (const entry of entries) byMark.set(markOf(entry.id), [...(byMark.get(markOf(entry.id)) ?? []), entry]);
  return schedules.map((schedule) => {
    const { queue, name, spec, taskType, template, isPaused, sinceMs, claimedMs, firedMs } = schedule;
    const shown = byMark.get(scheduleMark(queue, name)) ?? [];
    return {
      queue,
      name,
      spec,
      type: taskType,
      payload: template?.message.payload,
      isPaused,
      since: dateOf(sinceMs),
      lastFiredAt: dateOrNone(firedMs),
      dueAt: dateOrNone(storedTickAfter(schedule, claimedMs)),
      nextAt: dateOrNone(storedTickAfter(schedule, Math.max(nowMs, claimedMs))),
      entryIds: shown.filter((entry) => entry.spec === spec && entry.taskType === taskType).map(({ id }) => id),
    };
  });
}

const dateOrNone = (atMs: number | undefined): Date | undefined => (atMs === undefined ? undefined : dateOf(atMs));
