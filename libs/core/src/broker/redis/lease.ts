import type { RedisCommandError } from '../../errors/redis-command.error.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { aloneRecord, readCrashes, readUnknownSinceMs } from '../../wire/attempt-record.js';
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
  MOST_PASSED_OVER,
  MOST_PER_FETCH,
} from '../contract/lease.js';
import { readStoredMessage } from '../stored-message.js';
import { removeOrphans } from './orphans.js';
import { isUnknownRefusal } from './redis-failure.js';
import type { LaneCall } from './call-lanes.js';
import type { RedisLink } from './redis-link.js';
import { UnansweredFetches } from './unanswered-fetches.js';
import { toCancelOutcome } from './waiting.js';

/** Maximum number of leases per call. */
const MOST_EXTENDED = 1_000;

/** A task as the fetch scripts return it: id, message, unknown_since_ms, crashes, pending_since; a missing field is null. */
interface FetchedFields {
  readonly id: string;
  readonly bytes: Buffer | null;
  readonly unknownSinceMs: Buffer | null;
  readonly crashes: Buffer | null;
  readonly pendingSinceNs: Buffer | null;
}

/** What a fetch asks for. */
interface FetchRequest {
  readonly limit: number;
  readonly expiresAtS: number;
  readonly passOver: readonly string[];
  readonly withSince: boolean;
  readonly call: LaneCall;
}

interface FetchedIds {
  readonly isPaused: boolean;
  readonly remaining: number;
  readonly passedOver: number;
  readonly fields: readonly FetchedFields[];
}

/** `declaredKeysOnly`: use the strict form from the start; otherwise only after the server has refused the fast one. */
export function leaseOps(redis: RedisLink, declaredKeysOnly: boolean): LeaseOps {
  let isStrict = declaredKeysOnly;
  const unanswered = new UnansweredFetches(redis);
  /** By queue: the number of tasks that reached the byte limit in the last strict fetch. */
  const roomFor = new Map<string, number>();

  /** Claims few tasks when few fit, because the others have to be returned. */
  async function fetchStrict(queue: string, request: FetchRequest): Promise<FetchedIds> {
    const { limit } = request;
    const claimed = await claim(redis, queue, {
      ...request,
      limit: Math.min(limit, 2 * (roomFor.get(queue) ?? limit)),
    });
    if (claimed.ids.length === 0) return { ...claimed, fields: [] };
    const fields = await load(redis, queue, claimed.ids, request);
    const returned = claimed.ids.length - fields.length;
    if (returned > 0) roomFor.set(queue, fields.length);
    else roomFor.delete(queue);
    return { ...claimed, remaining: claimed.remaining + returned, fields };
  }

  async function fetchFields(queue: string, request: FetchRequest): Promise<FetchedIds> {
    if (isStrict) return fetchStrict(queue, request);
    try {
      return await fetchFast(redis, queue, request);
    } catch (error) {
      if (!isUnknownRefusal((error as RedisCommandError).cause)) throw error;
      const fetched = await fetchStrict(queue, request); // which tells whether it was the keys
      redis.logger.info('the server refuses undeclared keys: fetching in two steps from now on');
      isStrict = true;
      return fetched;
    }
  }

  async function extendLeases(queue: string, claims: readonly LeaseClaim[], expiresAtS: number): Promise<ExtendReply> {
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
  }

  /** Of tasks whose lease was about to end, or had ended, when they arrived: those that no other server has by now. */
  async function renewLate(queue: string, tasks: readonly LeasedTask[], leaseMs: number): Promise<LeasedTask[]> {
    const claims = tasks.map(({ message, leaseExpiresAtS }) => ({ id: message.id, expiriesS: [leaseExpiresAtS] }));
    const leaseExpiresAtS = ceilS(redis.clock.nowMs() + leaseMs);
    const { lost } = await extendLeases(queue, claims, leaseExpiresAtS);
    const gone = new Set(lost);
    return tasks.filter(({ message }) => !gone.has(message.id)).map((task) => ({ ...task, leaseExpiresAtS }));
  }

  return {
    async fetch(queue, limit, leaseMs, passOver = [], withSince = false): Promise<FetchReply> {
      await unanswered.returnTasks(queue);
      const askedAtMs = redis.clock.nowMs();
      const leaseExpiresAtS = ceilS(askedAtMs + leaseMs);
      const fetched = await unanswered.fetch(queue, (call) =>
        fetchFields(queue, {
          limit: Math.min(limit, MOST_PER_FETCH),
          expiresAtS: leaseExpiresAtS,
          passOver: passOver.slice(0, MOST_PASSED_OVER),
          withSince,
          call,
        }),
      );
      const tasks: LeasedTask[] = [];
      const orphans: string[] = [];
      const quarantines: Promise<void>[] = [];
      for (const { id, bytes, unknownSinceMs, crashes, pendingSinceNs } of fetched.fields) {
        if (bytes === null) {
          orphans.push(id);
          continue;
        }
        const { message, isSound } = readStoredMessage(queue, id, bytes);
        if (!isSound) {
          quarantines.push(quarantine(redis, queue, { id, expiriesS: [leaseExpiresAtS] }, message, bytes));
          continue;
        }
        tasks.push({
          message,
          leaseExpiresAtS,
          unknownTypeSinceMs: readUnknownSinceMs(unknownSinceMs?.toString(), message),
          crashes: crashes ? readCrashes(crashes.toString(), message, 'active').total : undefined,
          pendingSinceMs: pendingSinceNs ? toPendingSinceMs(pendingSinceNs) : undefined,
        });
      }
      await Promise.all(quarantines);
      const { isPaused, remaining, passedOver } = fetched;
      const isLate = redis.clock.nowMs() - askedAtMs > leaseMs / 2;
      const own = isLate ? await renewLate(queue, tasks, leaseMs) : tasks;
      return {
        tasks: own,
        isPaused,
        remaining,
        ...(passedOver > 0 && { passedOver }),
        ...(orphans.length > 0 && { orphans }),
      };
    },

    extendLeases,

    async noteAlone(message, claim, isAlone) {
      const { queue, id } = message;
      const reply = await redis.run(
        scripts.writeAlone,
        { lease: keys.lease(queue), task: keys.task(queue, id) },
        { taskId: id, leases: leasesOf(claim), alone: isAlone ? aloneRecord(message) : '' },
      );
      return reply === 1;
    },
  };
}

/** A claim as the scripts read it. */
export const leasesOf = (claim: LeaseClaim): string => claim.expiriesS.join(',');

const sourceKeys = (queue: string, { lane }: LaneCall) => ({
  pending: keys.pending(queue),
  paused: keys.paused(queue),
  active: keys.active(queue),
  lease: keys.lease(queue),
  mark: keys.fetched(queue, lane),
});

const toPass = (ids: readonly string[]): { passedId: string }[] => ids.map((passedId) => ({ passedId }));

async function fetchFast(
  redis: RedisLink,
  queue: string,
  { limit, expiresAtS, passOver, withSince, call }: FetchRequest,
): Promise<FetchedIds> {
  const args = {
    leaseExpiresAtS: expiresAtS,
    limit,
    mostBytes: MOST_FETCHED_BYTES,
    taskPrefix: keys.taskPrefix(queue),
    call: call.nth,
    withSince: withSince ? 1 : 0,
  };
  const reply = (await redis.run(scripts.fetch, sourceKeys(queue, call), args, toPass(passOver))) as FetchReplyFields;
  const [isPaused, remaining, passedOver] = reply;
  return { isPaused: isPaused === 1, remaining, passedOver, fields: fieldsOf(reply) };
}

async function claim(
  redis: RedisLink,
  queue: string,
  { limit, expiresAtS, passOver, call }: FetchRequest,
): Promise<Omit<FetchedIds, 'fields'> & { ids: string[] }> {
  const args = { leaseExpiresAtS: expiresAtS, limit, call: call.nth };
  const [isPaused, remaining, passedOver, ...ids] = (await redis.run(
    scripts.claim,
    sourceKeys(queue, call),
    args,
    toPass(passOver),
  )) as FetchReplyFields;
  return { isPaused: isPaused === 1, remaining, passedOver, ids: ids.map(String) };
}

/** Tasks missing at the end were returned to the queue. */
async function load(
  redis: RedisLink,
  queue: string,
  ids: readonly string[],
  { expiresAtS, withSince, call }: FetchRequest,
): Promise<FetchedFields[]> {
  const { paused: _, ...source } = sourceKeys(queue, call);
  const loaded = (await redis.run(
    scripts.load,
    { ...source, task: ids.map((id) => keys.task(queue, id)) },
    { leaseExpiresAtS: expiresAtS, mostBytes: MOST_FETCHED_BYTES, call: call.nth, withSince: withSince ? 1 : 0 },
    ids.map((taskId) => ({ taskId })),
  )) as (Buffer | null)[];
  const fields = ids.slice(0, loaded.length / 4).map((id, i) => ({
    id,
    bytes: loaded[4 * i]!,
    unknownSinceMs: loaded[4 * i + 1]!,
    crashes: loaded[4 * i + 2]!,
    pendingSinceNs: loaded[4 * i + 3]!,
  }));
  const orphans = fields.filter(({ bytes }) => bytes === null).map(({ id }) => id);
  await removeOrphans(redis, queue, orphans).catch((error: unknown) => {
    // They stay leased, and the recoverer drops them.
    redis.logger.warn('cannot drop ids without a task', { queue, ids: orphans.slice(0, 10), error });
  });
  return fields;
}

type FetchReplyFields = [isPaused: number, remaining: number, passedOver: number, ...flat: (Buffer | null)[]];

/** The tasks of a reply, five members each. */
function fieldsOf(reply: FetchReplyFields): FetchedFields[] {
  const fields: FetchedFields[] = [];
  for (let at = 3; at < reply.length; at += 5) {
    const member = (nth: number): Buffer | null => reply[at + nth] as Buffer | null;
    fields.push({
      id: String(member(0)),
      bytes: member(1),
      unknownSinceMs: member(2),
      crashes: member(3),
      pendingSinceNs: member(4),
    });
  }
  return fields;
}

/** `undefined`: another program wrote something else. */
function toPendingSinceMs(ns: Buffer): number | undefined {
  const sinceMs = Number(ns) / 1e6; // exact to a microsecond
  return Number.isFinite(sinceMs) && sinceMs > 0 ? sinceMs : undefined;
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
