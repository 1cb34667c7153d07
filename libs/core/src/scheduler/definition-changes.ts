import type { ScheduleDefinition, StoredSchedule } from '../broker/contract/schedules.js';
import { digestOf } from '../broker/stored-template.js';
import { storedTickAfter } from '../cron/cron-spec.js';

/** Whether the stored schedule fires the same tasks as this definition, at the same times. */
export function isSameDefinition(stored: StoredSchedule, definition: ScheduleDefinition): boolean {
  const { spec, catchUp, template } = stored;
  return template !== undefined && digestOf({ spec, catchUp, template }) === digestOf(definition);
}

/** `type "report:build", spec "@daily"`: for messages, which must not show a payload or headers. */
export function describeDefinition(definition: ScheduleDefinition | StoredSchedule): string {
  const type = 'taskType' in definition ? definition.taskType : definition.template.message.type;
  return `type "${type}", spec "${definition.spec}"`;
}

/** The differences of the two: `type, payload`. */
export function differencesOf(
  stored: StoredSchedule,
  { spec, catchUp = 'skip', template }: ScheduleDefinition,
): string {
  const [before, after] = [stored.template?.message, template.message];
  const differs = {
    spec: stored.spec !== spec,
    type: stored.taskType !== after.type,
    payload: !before || Buffer.compare(before.payload, after.payload) !== 0,
    catchUp: stored.catchUp !== catchUp,
  };
  const parts = Object.entries(differs).flatMap(([part, isDifferent]) => (isDifferent ? [part] : []));
  return parts.length > 0 ? parts.join(', ') : 'options';
}

/** A running scheduler is late by less, even if clocks differ or Redis is temporarily unavailable. */
const ABANDONED_MS = 60_000;

/** Whether a tick was left unclaimed for so long that no scheduler can have the schedule any longer. */
export function isAbandoned(schedule: StoredSchedule, nowMs: number): boolean {
  if (schedule.isPaused) return false;
  const nextMs = storedTickAfter(schedule, schedule.claimedMs);
  return nextMs !== undefined && nextMs < nowMs - ABANDONED_MS;
}
