import type { RedisCommandError } from '../../errors/redis-command.error.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { readUnknownSinceMs } from '../../wire/attempt-record.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage } from '../../wire/task-message.js';
import { ceilS, floorS } from '../../wire/unix-time.js';
import {
  type ExtendReply,
  type FetchReply,
  type LeaseClaim,
  type LeaseOps,
  type LeasedTask,
  MOST_FETCHED_BYTES,
  MOST_PER_FETCH,
} from '../contract/lease.js';
import { readStoredMessage } from '../stored-message.js';
import { dropOrphans } from './orphans.js';
import { refusesUndeclaredKeys } from './redis-failure.js';
import type { RedisLink } from './redis-link.js';
import { toCancelOutcome } from './waiting.js';

/** Most leases that one call extends. */
const MOST_EXTENDED = 1_000;

/** A task as the fetch scripts return it: id, message, unknown_since_ms; a missing field is null. */
interface FetchedFields {
  readonly id: string;
  readonly bytes: Buffer | null;
  readonly unknownSinceMs: Buffer | null;
}

interface FetchedIds {
  readonly isPaused: boolean;
  readonly remaining: number;
  readonly fields: readonly FetchedFields[];
}

/** `declaredKeysOnly`: begin with the strict form; the fast one turns to it by itself when the server complains. */
export function leaseOps(redis: RedisLink, declaredKeysOnly: boolean): LeaseOps {
  let isStrict = declaredKeysOnly;
  /** Queue to how many of its tasks filled the last strict fetch to its bytes. */
  const roomFor = new Map<string, number>();

  /** Claims few where few fit: what does not goes to and fro. */
  async function fetchStrict(queue: string, limit: number, leaseExpiresAtS: number): Promise<FetchedIds> {
    const claimed = await claim(redis, queue, Math.min(limit, 2 * (roomFor.get(queue) ?? limit)), leaseExpiresAtS);
    if (claimed.ids.length === 0) return { ...claimed, fields: [] };
    const fields = await load(redis, queue, claimed.ids, leaseExpiresAtS);
    const returned = claimed.ids.length - fields.length;
    if (returned > 0) roomFor.set(queue, fields.length);
    else roomFor.delete(queue);
    return { ...claimed, remaining: claimed.remaining + returned, fields };
  }

  async function fetchFields(queue: string, limit: number, leaseExpiresAtS: number): Promise<FetchedIds> {
    if (isStrict) return fetchStrict(queue, limit, leaseExpiresAtS);
    try {
      return await fetchFast(redis, queue, limit, leaseExpiresAtS);
    } catch (error) {
      if (!refusesUndeclaredKeys((error as RedisCommandError).cause)) throw error;
      redis.logger.info('the server refuses undeclared keys: fetching in two steps from now on');
      isStrict = true;
      return fetchStrict(queue, limit, leaseExpiresAtS);
    }
  }

  return {
    async fetch(queue, limit, leaseMs): Promise<FetchReply> {
      const leaseExpiresAtS = ceilS(redis.clock.nowMs() + leaseMs);
      const fetched = await fetchFields(queue, Math.min(limit, MOST_PER_FETCH), leaseExpiresAtS);
      const tasks: LeasedTask[] = [];
      const quarantines: Promise<void>[] = [];
      for (const { id, bytes, unknownSinceMs } of fetched.fields) {
        if (bytes === null) continue; // an orphan, dropped by the fetch
        const { message, isSound } = readStoredMessage(queue, id, bytes);
        if (!isSound) {
          quarantines.push(quarantine(redis, queue, { id, expiriesS: [leaseExpiresAtS] }, message, bytes));
          continue;
        }
        tasks.push({
          message,
          leaseExpiresAtS,
          unknownTypeSinceMs: readUnknownSinceMs(unknownSinceMs?.toString(), message),
        });
      }
      await Promise.all(quarantines);
      return { tasks, isPaused: fetched.isPaused, remaining: fetched.remaining };
    },

    async extendLeases(queue, claims, expiresAtS) {
      const lost: string[] = [];
      const cancelRequests: ExtendReply['cancelRequests'][number][] = [];
      for (let at = 0; at < claims.length; at += MOST_EXTENDED) {
        const batch = claims.slice(at, at + MOST_EXTENDED);
        const [lostIds, requested] = (await redis.run(
          scripts.extendLeases,
          { lease: keys.lease(queue), task: batch.map(({ id }) => keys.task(queue, id)) },
          { expiresAtS },
          batch.map((claim) => ({ taskId: claim.id, leases: leasesOf(claim) })),
        )) as [Buffer[], Buffer[]];
        lost.push(...lostIds.map(String));
        for (let i = 0; i < requested.length; i += 2) {
          const outcome = toCancelOutcome(requested[i + 1]!);
          if (outcome) cancelRequests.push({ id: String(requested[i]), outcome });
        }
      }
      return { lost, cancelRequests };
    },
  };
}

/** A claim as the scripts read it. */
export const leasesOf = (claim: LeaseClaim): string => claim.expiriesS.join(',');

const sourceKeys = (queue: string) => ({
  pending: keys.pending(queue),
  paused: keys.paused(queue),
  active: keys.active(queue),
  lease: keys.lease(queue),
});

async function fetchFast(redis: RedisLink, queue: string, limit: number, leaseExpiresAtS: number): Promise<FetchedIds> {
  const args = { leaseExpiresAtS, limit, mostBytes: MOST_FETCHED_BYTES, taskPrefix: keys.taskPrefix(queue) };
  const [isPaused, remaining, ...flat] = (await redis.run(scripts.fetch, sourceKeys(queue), args)) as FetchReplyFields;
  return { isPaused: isPaused === 1, remaining, fields: inThrees(flat) };
}

async function claim(
  redis: RedisLink,
  queue: string,
  limit: number,
  leaseExpiresAtS: number,
): Promise<{ isPaused: boolean; remaining: number; ids: string[] }> {
  const args = { leaseExpiresAtS, limit };
  const [isPaused, remaining, ...ids] = (await redis.run(scripts.claim, sourceKeys(queue), args)) as FetchReplyFields;
  return { isPaused: isPaused === 1, remaining, ids: ids.map(String) };
}

/** Tasks at the end that are missing went back to the queue. */
async function load(
  redis: RedisLink,
  queue: string,
  ids: readonly string[],
  leaseExpiresAtS: number,
): Promise<FetchedFields[]> {
  const { pending, active, lease } = sourceKeys(queue);
  const loaded = (await redis.run(
    scripts.load,
    { pending, active, lease, task: ids.map((id) => keys.task(queue, id)) },
    { leaseExpiresAtS, mostBytes: MOST_FETCHED_BYTES },
    ids.map((taskId) => ({ taskId })),
  )) as (Buffer | null)[];
  const fields = ids
    .slice(0, loaded.length / 2)
    .map((id, i) => ({ id, bytes: loaded[2 * i]!, unknownSinceMs: loaded[2 * i + 1]! }));
  const orphans = fields.filter(({ bytes }) => bytes === null).map(({ id }) => id);
  await dropOrphans(redis, queue, orphans).catch((error: unknown) => {
    // They stay leased: the recoverer drops them.
    redis.logger.warn('cannot drop ids without a task', { queue, ids: orphans.slice(0, 10), error });
  });
  return fields;
}

type FetchReplyFields = [isPaused: number, remaining: number, ...flat: (Buffer | null)[]];

function inThrees(flat: readonly (Buffer | null)[]): FetchedFields[] {
  const fields: FetchedFields[] = [];
  for (let at = 0; at < flat.length; at += 3) {
    fields.push({ id: String(flat[at]), bytes: flat[at + 1]!, unknownSinceMs: flat[at + 2] ?? null });
  }
  return fields;
}

/** Never rejects: the sound tasks of the batch are leased already. */
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
    redis.logger.error('archived a task whose message cannot be used', fields);
  } catch (error) {
    // It stays leased; once recovered, it is fetched again.
    redis.logger.error('cannot archive a task whose message cannot be used', { ...fields, error });
  }
}
