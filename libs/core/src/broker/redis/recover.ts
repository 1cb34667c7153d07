import * as scripts from '../../scripts/scripts.generated.js';
import { type Crashes, crashesOfArchived, encodeCrashes, oneMore, readCrashes } from '../../wire/attempt-record.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage, type TaskMessage } from '../../wire/task-message.js';
import { floorS, fromS } from '../../wire/unix-time.js';
import { cancelOutcomeFor } from '../../wire/cancel-record.js';
import { asRecovered, canceledOutcome } from '../canceled-attempt.js';
import type { CancelOutcome } from '../../wire/cancel-record.js';
import { inOrder, MOST_EXPIRED } from '../fetch-order.js';
import { type RecoverOps, type RecoverOptions, type RecoveredTask, recoverUpToMs } from '../contract/recover.js';
import { LEASE_EXPIRED, settledMessage } from '../settled-message.js';
import { readStoredMessage, type StoredMessage } from '../stored-message.js';
import { isPoison, poisonText } from '../poison.js';
import { dropOrphans } from './orphans.js';
import { readSomeHashes } from './read-hashes.js';
import type { JoinedCommands } from './joined-commands.js';
import type { RedisLink } from './redis-link.js';
import { type ScoredId, scoreOf, toScoredIds } from './scored-ids.js';
import { archiveTasks, settleOps } from './settle.js';

/** A task whose lease ended. */
interface Expired {
  readonly id: string;
  /** As text, the way Redis prints it: the scripts compare it. */
  readonly score: string;
  readonly stored: StoredMessage | undefined;
  /** This one included. */
  readonly crashes: Crashes;
  /** `cancel_then` as stored; empty without a cancel request. */
  readonly record: string;
  /** The outcome requested for this attempt. */
  readonly requested: CancelOutcome | undefined;
}

export function recoverOps(redis: RedisLink, joined: JoinedCommands): RecoverOps {
  /** By queue: where the last repair stopped in the sorted sets. */
  const repairedUpTo = new Map<string, number>();

  async function recover(
    queue: string,
    expired: readonly Expired[],
    options: RecoverOptions,
  ): Promise<RecoveredTask[]> {
    const orphans = expired.filter(({ stored }) => !stored).map(({ id }) => id);
    if (orphans.length > 0) await dropOrphans(redis, queue, orphans);
    const withoutRequest = expired.filter(({ requested }) => requested === undefined);
    return [
      ...(await requeue(redis, queue, withoutRequest, options)),
      // What cannot be archived keeps its lease, which has ended, and holds up no other.
      ...(await redis.orElse(archivePoison(redis, queue, withoutRequest, options), [])),
      ...(await redis.orElse(endAsRequested(redis, queue, expired), [])),
    ];
  }

  return {
    async recoverExpired(queue, options) {
      const upToMs = recoverUpToMs(redis.clock, options); // before any reply
      if (!(await joined.exists([keys.lease(queue)]))) return { recovered: [], nextExpiryAtMs: undefined };
      const { dead, next } = await readLeases(redis, queue, floorS(upToMs - options.graceMs));
      const recovered: RecoveredTask[] = [];
      // As many at once as fit into a reply, the last ones first: each batch goes before the previous one.
      for (const left = dead.slice(-options.limit).reverse(); left.length > 0;) {
        const expired = await readExpired(redis, queue, left);
        left.splice(0, expired.length);
        recovered.unshift(...(await recover(queue, expired.reverse(), options)));
      }
      const nextExpiryAtMs =
        dead.length > options.limit ? upToMs : next && fromS(scoreOf(next.score)) + options.graceMs;
      return { recovered, nextExpiryAtMs };
    },

    async repair(queue, limit) {
      const all = [keys.active(queue), ...SETS.map((key) => key(queue))];
      if (!(await joined.exists(all))) return { leasesAdded: 0, orphansRemoved: 0 };
      const from = repairedUpTo.get(queue) ?? 0;
      const { active, sets } = await readIds(redis, queue, from, limit);
      repairedUpTo.set(queue, sets.some((ids) => ids.length === limit) ? from + limit : 0);

      const suspects = await withoutMessage(redis, queue, [...active, ...sets.flat()]);
      const orphansRemoved = await dropOrphans(redis, queue, await stillListed(redis, queue, suspects, limit));
      return { leasesAdded: await redis.orElse(addLeases(redis, queue, active), 0), orphansRemoved };
    },
  };
}

/** Expired leases, in the order in which the tasks were fetched, and the next one to expire. */
async function readLeases(
  redis: RedisLink,
  queue: string,
  untilS: number,
): Promise<{ dead: ScoredId[]; next: ScoredId | undefined }> {
  const key = keys.lease(queue);
  const [dead, next] = (await redis.pipeline('ZRANGEBYSCORE', (pipeline) => {
    pipeline.zrangebyscore(key, '-inf', untilS, 'WITHSCORES', 'LIMIT', 0, MOST_EXPIRED);
    pipeline.zrangebyscore(key, `(${untilS}`, '+inf', 'WITHSCORES', 'LIMIT', 0, 1);
  })) as [string[], string[]];
  return { dead: await asFetched(redis, queue, toScoredIds(dead)), next: toScoredIds(next)[0] };
}

async function asFetched(redis: RedisLink, queue: string, leases: readonly ScoredId[]): Promise<ScoredId[]> {
  if (leases.length < 2) return [...leases];
  const active = await redis.command('LRANGE', (client) => client.lrange(keys.active(queue), -MOST_EXPIRED, -1));
  const places = new Map(active.map((id, place) => [id, place]));
  const scores = new Map(leases.map(({ id, score }) => [id, score]));
  return inOrder([...scores.keys()], (id) => places.get(id)).map((id) => ({ id, score: scores.get(id)! }));
}

/** Reads the tasks of the first leases, as many as fit into one reply. */
async function readExpired(redis: RedisLink, queue: string, leases: readonly ScoredId[]): Promise<Expired[]> {
  const tasks = leases.map(({ id }) => keys.task(queue, id));
  const read = await readSomeHashes(redis, tasks, ['msg', 'crashes', 'alone', 'cancel_then']);
  return read.map(([bytes, crashes, alone, cancelThen], i) => {
    const { id, score } = leases[i]!;
    const stored = bytes ? readStoredMessage(queue, id, bytes) : undefined;
    const record = cancelThen?.toString() ?? '';
    return {
      id,
      score,
      stored,
      crashes: stored ? crashesOf(stored.message, crashes?.toString(), alone?.toString()) : { total: 0, alone: 0 },
      record,
      requested: stored?.isSound ? cancelOutcomeFor(stored.message, record) : undefined,
    };
  });
}

const crashesOf = (message: TaskMessage, crashes: string | undefined, alone: string | undefined): Crashes =>
  oneMore(readCrashes(crashes, message, 'active'), alone, message);

async function requeue(
  redis: RedisLink,
  queue: string,
  expired: readonly Expired[],
  { maxCrashes }: RecoverOptions,
): Promise<RecoveredTask[]> {
  const tasks = expired.filter(({ stored, crashes }) => stored && !isPoison(crashes, maxCrashes));
  if (tasks.length === 0) return [];
  const replies = (await redis.run(
    scripts.recover,
    {
      active: keys.active(queue),
      lease: keys.lease(queue),
      pending: keys.pending(queue),
      task: tasks.map(({ id }) => keys.task(queue, id)),
    },
    { pendingSinceNs: redis.clock.nowNs() },
    tasks.map(({ id, score, record, stored, crashes }) => ({
      taskId: id,
      score,
      cancelThen: record,
      crashes: encodeCrashes(crashes, stored!.message),
    })),
  )) as number[];
  return tasks.flatMap(({ stored, crashes }, i) =>
    replies[i] ? [{ message: stored!.message, crashes: crashes.total, outcome: 'requeued' as const }] : [],
  );
}

async function archivePoison(
  redis: RedisLink,
  queue: string,
  expired: readonly Expired[],
  { maxCrashes }: RecoverOptions,
): Promise<RecoveredTask[]> {
  const tasks = expired.filter(({ stored, crashes }) => stored && isPoison(crashes, maxCrashes));
  if (tasks.length === 0) return [];
  const nowMs = redis.clock.nowMs();
  const poisoned = tasks.map(({ id, score, stored, crashes }) => ({
    id,
    score,
    crashes,
    message: settledMessage(stored!.message, { kind: 'archive', error: poisonText(crashes) }, nowMs),
  }));
  const replies = (await archiveTasks(
    redis,
    queue,
    poisoned.map(({ id, score, message, crashes }) => ({
      taskId: id,
      message: encodeTaskMessage(message),
      crashes: crashesOfArchived(crashes, message),
      leases: score,
    })),
  )) as number[];
  return poisoned.flatMap(({ message, crashes }, i) =>
    replies[i] ? [{ message, crashes: crashes.total, outcome: 'archived' as const }] : [],
  );
}

/** Ends attempts whose servers were lost with a cancel request pending. */
async function endAsRequested(redis: RedisLink, queue: string, expired: readonly Expired[]): Promise<RecoveredTask[]> {
  const nowMs = redis.clock.nowMs();
  const ends = expired.flatMap(({ id, score, stored, crashes, requested }) => {
    if (!stored || requested === undefined) return [];
    const { message } = stored;
    const outcome = canceledOutcome(message, requested, LEASE_EXPIRED, nowMs);
    return [{ message, claim: { id, expiriesS: [Number(score)] }, outcome, crashes }];
  });
  if (ends.length === 0) return [];
  const replies = await settleOps(redis).settle(queue, ends);
  return ends
    .filter((_, i) => replies[i] === 'settled')
    .map(({ message, outcome, crashes }) => asRecovered(message, outcome, crashes.total, nowMs));
}

const SETS = [keys.lease, keys.scheduled, keys.retry, keys.archived, keys.completed] as const;

/** A window of `limit` ids of every set: the oldest of `active`, the sorted sets in turn. */
async function readIds(
  redis: RedisLink,
  queue: string,
  from: number,
  limit: number,
): Promise<{ active: string[]; sets: string[][] }> {
  const [active, ...sets] = (await redis.pipeline(
    'LRANGE',
    (pipeline) => {
      pipeline.lrange(keys.active(queue), -limit, -1); // the oldest: the newest are being worked on
      for (const key of SETS) pipeline.zrange(key(queue), String(from), String(from + limit - 1));
    },
    [],
  )) as string[][];
  return { active: active!, sets };
}

/** The ids without a message that are still in a set; the others have ended since they were read. */
async function stillListed(redis: RedisLink, queue: string, ids: readonly string[], limit: number): Promise<string[]> {
  if (ids.length === 0) return [];
  const [active, ...scores] = (await redis.pipeline(
    'ZSCORE',
    (pipeline) => {
      pipeline.lrange(keys.active(queue), -limit, -1);
      for (const id of ids) for (const key of SETS) pipeline.zscore(key(queue), id);
    },
    null,
  )) as [string[] | null, ...(string | null)[]];
  const isActive = new Set(active);
  return ids.filter((id, i) => {
    const own = scores.slice(i * SETS.length, (i + 1) * SETS.length);
    return isActive.has(id) || own.some((score) => score !== null);
  });
}

async function withoutMessage(redis: RedisLink, queue: string, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const hasMessage = await redis.pipeline(
    'HEXISTS',
    (pipeline) => {
      for (const id of ids) pipeline.hexists(keys.task(queue, id), 'msg');
    },
    0,
  );
  return [...new Set(ids.filter((_, i) => hasMessage[i] === 0))];
}

async function addLeases(redis: RedisLink, queue: string, active: readonly string[]): Promise<number> {
  if (active.length === 0) return 0;
  const scores = await redis.pipeline('ZSCORE', (pipeline) => {
    for (const id of active) pipeline.zscore(keys.lease(queue), id);
  });
  const without = [...new Set(active.filter((_, i) => scores[i] === null))];
  if (without.length === 0) return 0;
  return (await redis.run(
    scripts.addLeases,
    { active: keys.active(queue), lease: keys.lease(queue) },
    { expiredAtS: floorS(redis.clock.nowMs()) },
    without.map((taskId) => ({ taskId })),
  )) as number;
}
