import { createHash, randomUUID } from 'node:crypto';

/**
 * The id of one registration of a schedule with a scheduler: new each time, as in asynq. Its last twelve digits
 * identify the schedule, so that an inspector can match stored schedules with the plans of running schedulers.
 */
export function newEntryId(queue: string, name: string): string {
  return randomUUID().slice(0, -MARK_LENGTH) + scheduleMark(queue, name);
}

const MARK_LENGTH = 12;

/** Suffix of the ids of all registrations of a schedule. A Go id has this suffix with a probability of 2^-48. */
export function scheduleMark(queue: string, name: string): string {
  return createHash('sha256')
    .update(JSON.stringify([queue, name]))
    .digest('hex')
    .slice(0, MARK_LENGTH);
}

/** The mark of an entry, whichever program wrote it. */
export const markOf = (entryId: string): string => entryId.slice(-MARK_LENGTH);
