import * as scripts from '../../scripts/scripts.generated.js';
import { readCrashes, readUnknownSinceMs } from '../../wire/attempt-record.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage } from '../../wire/task-message.js';
import { floorS } from '../../wire/unix-time.js';
import type { LeaseClaim, LeasedTask } from '../contract/lease.js';
import { readStoredMessage } from '../stored-message.js';
import type { LaneCall } from './call-lanes.js';
import { leasesOf } from './lease-claims.js';
import type { RedisLink } from './redis-link.js';

/** The keys of every fetch script. */
export const sourceKeys = (queue: string, { lane }: LaneCall) => ({
  pending: keys.pending(queue),
  paused: keys.paused(queue),
  active: keys.active(queue),
  lease: keys.lease(queue),
  mark: keys.fetched(queue, lane),
});

/** Tasks as the fetch scripts return them: of each its id, message, unknown_since_ms, crashes, pending_since in us; a missing field is null. */
export type FlatTasks = readonly (Buffer | string | number | null)[];

/** Members of a task in {@link FlatTasks}. */
export const MEMBERS = 5;

/** The reply of a fetch script. `nth`: tasks that were passed over, or the end of the lease. */
export type FetchReplyFields = [isPaused: number, remaining: number, nth: number, ...tasks: (Buffer | number | null)[]];

/** The tasks of a reply. */
export const tasksIn = (reply: FetchReplyFields): FlatTasks => reply.slice(3);

/** The tasks of a fetch, and the ids that were dropped. Unusable messages are archived, and are in neither. */
export async function readFetched(
  redis: RedisLink,
  queue: string,
  flat: FlatTasks,
  leaseExpiresAtS: number,
): Promise<{ readonly tasks: LeasedTask[]; readonly orphans: string[] }> {
  const tasks: LeasedTask[] = [];
  const orphans: string[] = [];
  const quarantines: Promise<void>[] = [];
  for (let at = 0; at < flat.length; at += MEMBERS) {
    const id = String(flat[at]);
    const bytes = flat[at + 1] as Buffer | null;
    if (bytes === null) {
      orphans.push(id);
      continue;
    }
    const { message, isSound } = readStoredMessage(queue, id, bytes);
    if (!isSound) {
      quarantines.push(quarantine(redis, queue, { id, expiriesS: [leaseExpiresAtS] }, message, bytes));
      continue;
    }
    const unknownSinceMs = flat[at + 2];
    const crashes = flat[at + 3];
    const pendingSinceUs = flat[at + 4] as number | null;
    tasks.push({
      message,
      leaseExpiresAtS,
      unknownTypeSinceMs: readUnknownSinceMs(unknownSinceMs?.toString(), message),
      crashes: crashes ? readCrashes(crashes.toString(), message, 'active').total : undefined,
      pendingSinceMs: pendingSinceUs === null ? undefined : pendingSinceUs / 1_000,
    });
  }
  await Promise.all(quarantines);
  return { tasks, orphans };
}

/** Never rejects: the valid tasks of the batch are already leased. */
async function quarantine(
  redis: RedisLink,
  queue: string,
  claim: LeaseClaim,
  message: Parameters<typeof encodeTaskMessage>[0],
  rawMessage: Uint8Array,
): Promise<void> {
  const fields = { queue, id: claim.id, reason: message.errorMsg };
  try {
    await redis.run(
      scripts.quarantine,
      {
        active: keys.active(queue),
        lease: keys.lease(queue),
        archived: keys.archived(queue),
        task: keys.task(queue, claim.id),
      },
      {
        taskId: claim.id,
        leases: leasesOf(claim),
        archivedAtS: floorS(redis.clock.nowMs()),
        message: encodeTaskMessage(message),
        rawMessage,
      },
    );
    redis.logger.error('archived a task with an unusable message', fields);
  } catch (error) {
    // It stays leased; once recovered, it is fetched and quarantined again.
    redis.logger.error('cannot archive a task with an unusable message', { ...fields, error });
  }
}
