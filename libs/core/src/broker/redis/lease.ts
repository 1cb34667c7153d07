import type { RedisCommandError } from '../../errors/redis-command.error.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { aloneRecord } from '../../wire/attempt-record.js';
import { keys } from '../../wire/keys.js';
import { ceilS } from '../../wire/unix-time.js';
import {
  type FetchReply,
  type LeaseOps,
  MOST_FETCHED_BYTES,
  MOST_PASSED_OVER,
  MOST_PER_FETCH,
} from '../contract/lease.js';
import {
  type FetchReplyFields,
  type LoadReplyFields,
  readFetched,
  sourceKeys,
  type StoredTasks,
  tasksIn,
} from './fetched-tasks.js';
import { extendLeases, leasesOf, renewLate } from './lease-claims.js';
import { removeOrphans } from './orphans.js';
import { isUnknownRefusal, unexpectedReply } from './redis-failure.js';
import type { LaneCall } from './call-lanes.js';
import type { RedisLink } from './redis-link.js';
import type { UnansweredFetches } from './unanswered-fetches.js';

/** What a fetch asks for. */
interface FetchRequest {
  readonly limit: number;
  readonly expiresAtS: number;
  readonly passOver: readonly string[];
  readonly withSince: boolean;
  readonly call: LaneCall;
}

interface Fetched {
  readonly isPaused: boolean;
  readonly remaining: number;
  readonly passedOver: number;
  readonly tasks: StoredTasks;
}

/** `declaredKeysOnly`: use the strict form from the start; otherwise only after the server has refused the fast one. */
export function leaseOps(redis: RedisLink, unanswered: UnansweredFetches, declaredKeysOnly: boolean): LeaseOps {
  let isStrict = declaredKeysOnly;
  /** By queue: the number of tasks that reached the byte limit in the last strict fetch. */
  const roomFor = new Map<string, number>();

  /** Claims few tasks when few fit, because the others have to be returned. */
  async function fetchStrict(queue: string, request: FetchRequest): Promise<Fetched> {
    const { limit } = request;
    const claimed = await claim(redis, queue, {
      ...request,
      limit: Math.min(limit, 2 * (roomFor.get(queue) ?? limit)),
    });
    if (claimed.ids.length === 0) return { ...claimed, tasks: NO_TASKS };
    const tasks = await load(redis, queue, claimed.ids, request);
    const count = tasks.ids.length;
    const returned = claimed.ids.length - count;
    if (returned > 0) roomFor.set(queue, count);
    else roomFor.delete(queue);
    return { ...claimed, remaining: claimed.remaining + returned, tasks };
  }

  async function fetchEither(queue: string, request: FetchRequest): Promise<Fetched> {
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

  return {
    async fetch(queue, limit, leaseMs, passOver = [], withSince = false): Promise<FetchReply> {
      await unanswered.returnTasks(queue);
      const leaseExpiresAtS = ceilS(redis.clock.nowMs() + leaseMs);
      const fetched = await unanswered.fetch(queue, (call) =>
        fetchEither(queue, {
          limit: Math.min(limit, MOST_PER_FETCH),
          expiresAtS: leaseExpiresAtS,
          passOver: passOver.slice(0, MOST_PASSED_OVER),
          withSince,
          call,
        }),
      );
      const { tasks, orphans } = await readFetched(redis, queue, fetched.tasks, leaseExpiresAtS);
      const { isPaused, remaining, passedOver } = fetched;
      return {
        tasks: await renewLate(redis, queue, tasks, leaseMs),
        isPaused,
        remaining,
        ...(passedOver > 0 && { passedOver }),
        ...(orphans.length > 0 && { orphans }),
      };
    },

    extendLeases: (queue, claims, expiresAtS) => extendLeases(redis, queue, claims, expiresAtS),

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

const NO_TASKS: StoredTasks = { ids: [], messages: [], notes: [] };

const toPass = (ids: readonly string[]): { passedId: string }[] => ids.map((passedId) => ({ passedId }));

async function fetchFast(
  redis: RedisLink,
  queue: string,
  { limit, expiresAtS, passOver, withSince, call }: FetchRequest,
): Promise<Fetched> {
  const args = {
    leaseExpiresAtS: expiresAtS,
    limit,
    mostBytes: MOST_FETCHED_BYTES,
    taskPrefix: keys.taskPrefix(queue),
    call: call.nth,
    withSince: withSince ? 1 : 0,
  };
  const reply = (await redis.run(scripts.fetch, sourceKeys(queue, call), args, toPass(passOver))) as FetchReplyFields;
  const tasks = tasksIn(reply);
  if (!tasks) throw unexpectedReply(scripts.fetch, reply);
  const [isPaused, remaining, passedOver] = reply;
  return { isPaused: isPaused === 1, remaining, passedOver, tasks };
}

type ClaimReplyFields = readonly [isPaused: number, remaining: number, passedOver: number, ...ids: Buffer[]];

async function claim(
  redis: RedisLink,
  queue: string,
  { limit, expiresAtS, passOver, call }: FetchRequest,
): Promise<Omit<Fetched, 'tasks'> & { ids: string[] }> {
  const args = { leaseExpiresAtS: expiresAtS, limit, call: call.nth };
  const [isPaused, remaining, passedOver, ...ids] = (await redis.run(
    scripts.claim,
    sourceKeys(queue, call),
    args,
    toPass(passOver),
  )) as ClaimReplyFields;
  return { isPaused: isPaused === 1, remaining, passedOver, ids: ids.map(String) };
}

/** Tasks missing at the end were returned to the queue. */
async function load(
  redis: RedisLink,
  queue: string,
  ids: readonly string[],
  { expiresAtS, withSince, call }: FetchRequest,
): Promise<StoredTasks> {
  const { paused: _, ...source } = sourceKeys(queue, call);
  const [notes, ...messages] = (await redis.run(
    scripts.load,
    { ...source, task: ids.map((id) => keys.task(queue, id)) },
    { leaseExpiresAtS: expiresAtS, mostBytes: MOST_FETCHED_BYTES, call: call.nth, withSince: withSince ? 1 : 0 },
    ids.map((taskId) => ({ taskId })),
  )) as LoadReplyFields;
  const orphans = ids.filter((_, nth) => messages[nth] === null);
  await removeOrphans(redis, queue, orphans).catch((error: unknown) => {
    // They stay leased, and the recoverer drops them.
    redis.logger.warn('cannot drop ids without a task', { queue, ids: orphans.slice(0, 10), error });
  });
  return { ids: ids.slice(0, messages.length), messages, notes };
}
