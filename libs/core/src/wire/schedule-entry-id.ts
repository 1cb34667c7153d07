import { createHash, randomUUID } from 'node:crypto';

/**
 * The id of one registration of a schedule with a scheduler: new each time, as in asynq. Its last twelve digits tell the
 * schedule, so that an inspector can say which stored schedules the plans of live schedulers hold.
 */
export function newEntryId(queue: string, name: string): string {
  return randomUUID().slice(0, -MARK_LENGTH) + scheduleMark(queue, name);
}

const MARK_LENGTH = 12;

/** Ends the ids of all registrations of a schedule. Those of Go end so with a chance of one in 2^48. */
export function scheduleMark(queue: string, name: string): string {
  return createHash('sha256')
    .update(JSON.stringify([queue, name]))
    .digest('hex')
    .slice(0, MARK_LENGTH);
}

/** The mark of an entry, whoever wrote it. */
export const markOf = (entryId: string): string => entryId.slice(-MARK_LENGTH);
