import * as scripts from '../../scripts/scripts.generated.js';
import { MessageDecodeError } from '../../errors/message-decode.error.js';
import { keys } from '../../wire/keys.js';
import {
  decodeSchedulerEnqueueEvent,
  decodeSchedulerEntry,
  encodeSchedulerEnqueueEvent,
  encodeSchedulerEntry,
} from '../../wire/scheduler-entry.js';
import {
  decodeServerInfo,
  decodeWorkerInfo,
  encodeServerInfo,
  encodeWorkerInfo,
  type WorkerInfo,
} from '../../wire/server-info.js';
import { allOf } from '../../runtime/all-of.js';
import { systemClock } from '../../runtime/clock.js';
import { resultWithin } from '../../runtime/within.js';
import { floorS, fromNs } from '../../wire/unix-time.js';
import { HISTORY_SIZE, type OnUnanswered, type PresenceOps } from '../contract/presence.js';
import { type BatchLimits, inBatches } from './batches.js';
import { isRefusal } from './redis-failure.js';
import type { RedisLink } from './redis-link.js';
import { scoreOf, toScoredIds } from './scored-ids.js';

/**
 * How long a history outlives its last event: a killed scheduler cannot delete the histories of its entries, and starts
 * new ones after a restart. Longer than a month, for monthly schedules.
 */
const HISTORY_LIFE_S = 35 * 24 * 3600;

/** The `COUNT` of `HSCAN`. */
const HSCAN_COUNT = 50;

/** How long a heartbeat waits for an index, which may be on another node than the server's own keys. */
const PATIENCE_MS = 1_000;

const BATCH: BatchLimits = { items: Infinity, size: 1024 * 1024 };

/** The content of a server's workers key, as written by this process: task id to start, unix ms. */
type Shown = ReadonlyMap<string, number>;

export function presenceOps(redis: RedisLink): PresenceOps {
  /** Index entries whose write is in progress. */
  const listing = new Set<string>();
  /** By server. Absent before its first heartbeat and after a failed one: then the next one is written in full. */
  const shown = new Map<string, Shown>();

  /** Writes the changes since the last heartbeat; `false` when the key has expired since. */
  async function writeWorkers(at: WorkersKeys, ttlS: number, changes: readonly Change[], isAnew: boolean) {
    const batches = inBatches(changes, ({ worker }) => worker.length, BATCH);
    if (batches.length === 0) batches.push([]); // the keys are refreshed
    for (const [i, items] of batches.entries()) {
      const reply = await redis.run(
        scripts.writePresence,
        { server: at.server, workers: at.workers },
        { ttlS, info: at.info, isAnew: Number(isAnew && i === 0) },
        items,
      );
      if (reply === 0) return false;
    }
    return true;
  }

  /**
   * Keeps an entry of an index, which is on one node of a cluster: while that node is silent, writes to others are not
   * delayed. One write at a time; the next heartbeat writes a later time anyway. An index of another type hides its
   * entries, and affects nothing else.
   */
  async function keepListed(index: string, member: string, expiresAtS: number): Promise<void> {
    const entry = `${index} ${member}`;
    if (listing.has(entry)) return;
    listing.add(entry);
    const written = redis
      .orElse(
        redis.command('ZADD', (client) => client.zadd(index, expiresAtS, member)),
        0,
      )
      .finally(() => listing.delete(entry));
    if ((await resultWithin(systemClock, PATIENCE_MS, written)) === undefined)
      redis.logger.debug(`no answer about ${index} yet`, { member });
  }

  async function removeListed(index: string, member: string): Promise<void> {
    await redis.orElse(
      redis.command('ZREM', (client) => client.zrem(index, member)),
      0,
    );
  }

  async function writeInfo(at: WorkersKeys, workers: readonly WorkerInfo[], ttlS: number): Promise<void> {
    const before = shown.get(at.server);
    if (workers.length === 0 && before?.size === 0) {
      // The common case of an idle server: there is no workers key to refresh.
      await redis.command('SETEX', (client) => client.setex(at.server, ttlS, at.info));
      return;
    }
    shown.delete(at.server);
    const isAnew = before === undefined || before.size === 0;
    if (isAnew || !(await writeWorkers(at, ttlS, changesSince(before, workers), false))) {
      await writeWorkers(at, ttlS, changesSince(NOTHING, workers), true);
    }
    shown.set(at.server, new Map(workers.map(({ taskId, startedAtMs }) => [taskId, startedAtMs])));
  }

  return {
    async writePresence(server, workers, ttlS) {
      const { host, pid, serverId } = server;
      const serverKey = keys.server(host, pid, serverId);
      const workersKey = keys.serverWorkers(host, pid, serverId);
      const expiresAtS = floorS(redis.clock.nowMs()) + ttlS;
      const at = { server: serverKey, workers: workersKey, info: Buffer.from(encodeServerInfo(server)) };
      const isIdle = workers.length === 0 && shown.get(serverKey)?.size === 0;
      await allOf([
        keepListed(keys.servers, serverKey, expiresAtS),
        ...(isIdle ? [] : [keepListed(keys.workers, workersKey, expiresAtS)]),
        writeInfo(at, workers, ttlS),
      ]);
    },

    async clearPresence({ host, pid, serverId }) {
      const serverKey = keys.server(host, pid, serverId);
      const workersKey = keys.serverWorkers(host, pid, serverId);
      shown.delete(serverKey);
      await allOf([
        removeListed(keys.servers, serverKey),
        removeListed(keys.workers, workersKey),
        redis.command('DEL', (client) => client.del(serverKey, workersKey)),
      ]);
    },

    async writePlan(schedulerId, entries, ttlS) {
      const plan = keys.scheduler(schedulerId);
      const expiresAtS = floorS(redis.clock.nowMs()) + ttlS;
      const items = entries.map((entry) => ({ entry: encodeSchedulerEntry(entry) }));
      await allOf([
        keepListed(keys.schedulers, plan, expiresAtS),
        redis.run(scripts.writePlan, { plan }, { ttlS }, items),
      ]);
    },

    async clearPlan(schedulerId) {
      const plan = keys.scheduler(schedulerId);
      await allOf([removeListed(keys.schedulers, plan), redis.command('DEL', (client) => client.del(plan))]);
    },

    async recordEnqueueEvent(entryId, event) {
      const history = keys.schedulerHistory(entryId);
      const enqueuedAtS = floorS(fromNs(event.enqueuedAtNs));
      await redis.pipeline('ZADD', (pipeline) => {
        pipeline
          .zremrangebyrank(history, 0, -HISTORY_SIZE) // leaves room for one more
          .zadd(history, enqueuedAtS, encodeSchedulerEnqueueEvent(event))
          .expire(history, HISTORY_LIFE_S);
      });
    },

    async clearHistory(entryId) {
      await redis.command('DEL', (client) => client.del(keys.schedulerHistory(entryId)));
    },

    async shownServers(onUnanswered) {
      const part = partsOf(redis, onUnanswered);
      const [serverKeys, workersKeys] = await Promise.all([
        part('the list of servers', unexpiredMembers(redis, keys.servers), []),
        part('the list of running tasks', unexpiredMembers(redis, keys.workers), []),
      ]);
      const [found, running] = await Promise.all([
        allParts(serverKeys, (key) =>
          part(
            key,
            redis.command('GET', (client) => client.getBuffer(key)),
            null,
          ),
        ),
        allParts(workersKeys, (key) => part(key, valuesOf(redis, key), [])),
      ]);
      const servers = readable(
        found.filter((bytes) => bytes !== null),
        decodeServerInfo,
      );
      const workers = readable(running.flat(), decodeWorkerInfo);
      return servers.map((server) => ({
        server,
        workers: workers.filter(({ serverId }) => serverId === server.serverId),
      }));
    },

    async schedulerEntries(onUnanswered) {
      const part = partsOf(redis, onUnanswered);
      const alive = await part('the list of schedulers', unexpiredMembers(redis, keys.schedulers), []);
      const lists = await allParts(alive, (key) =>
        part(
          key,
          redis.command('LRANGE', (client) => client.lrangeBuffer(key, 0, -1)),
          [],
        ),
      );
      return readable(lists.flat(), decodeSchedulerEntry);
    },

    async schedulerEvents(entryId, skip, limit) {
      const found = await redis.command('ZREVRANGE', (client) =>
        client.zrevrangeBuffer(keys.schedulerHistory(entryId), skip, skip + limit - 1),
      );
      return readable(found, decodeSchedulerEnqueueEvent);
    },
  };
}

/** Reads all concurrently: the keys are on several nodes of a cluster. */
const allParts = <T>(names: readonly string[], read: (name: string) => Promise<T>): Promise<T[]> =>
  Promise.all(names.map(read));

/** The unexpired members. Like every reader of the index, it removes the expired ones, if this user may write. */
async function unexpiredMembers(redis: RedisLink, index: string): Promise<string[]> {
  const nowS = floorS(redis.clock.nowMs());
  const listed = toScoredIds(await redis.command('ZRANGE', (client) => client.zrange(index, '0', '-1', 'WITHSCORES')));
  const unexpired = listed.filter(({ score }) => scoreOf(score) >= nowS);
  if (unexpired.length < listed.length) {
    try {
      await redis.command('ZREMRANGEBYSCORE', (client) => client.zremrangebyscore(index, '-inf', nowS - 1));
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  return unexpired.map(({ id }) => id);
}

/** The values of a hash, read in replies of a few megabytes: each value may hold a payload. */
async function valuesOf(redis: RedisLink, key: string): Promise<Buffer[]> {
  const values = new Map<string, Buffer>();
  let cursor = '0';
  do {
    const [next, found] = await redis.command('HSCAN', (client) =>
      client.hscanBuffer(key, cursor, 'COUNT', HSCAN_COUNT),
    );
    for (let at = 0; at < found.length; at += 2) values.set(found[at]!.toString('latin1'), found[at + 1]!);
    cursor = next.toString();
  } while (cursor !== '0');
  return [...values.values()];
}

/** Leaves out invalid records of other programs: one must not hide all others. */
function readable<T>(records: readonly Buffer[], decode: (bytes: Uint8Array) => T): T[] {
  return records.flatMap((bytes) => {
    try {
      return [decode(bytes)];
    } catch (error) {
      if (!(error instanceof MessageDecodeError)) throw error;
      return [];
    }
  });
}

/** A part of the result, or its fallback when its node does not answer and `onUnanswered` is given. */
function partsOf(redis: RedisLink, onUnanswered: OnUnanswered | undefined) {
  return async <T>(name: string, reading: Promise<T>, instead: T): Promise<T> => {
    try {
      return await redis.orElse(reading, instead);
    } catch (error) {
      if (!onUnanswered) throw error;
      onUnanswered(name, error);
      return instead;
    }
  };
}

const NOTHING: Shown = new Map();

interface WorkersKeys {
  readonly server: string;
  readonly workers: string;
  readonly info: Buffer;
}

/** A task to publish, or without bytes one to remove. */
interface Change {
  readonly taskId: string;
  readonly worker: Uint8Array;
}

function changesSince(before: Shown, workers: readonly WorkerInfo[]): Change[] {
  const running = new Set(workers.map(({ taskId }) => taskId));
  return [
    ...[...before.keys()].filter((id) => !running.has(id)).map((taskId) => ({ taskId, worker: new Uint8Array() })),
    ...workers
      .filter(({ taskId, startedAtMs }) => before.get(taskId) !== startedAtMs)
      .map((worker) => ({ taskId: worker.taskId, worker: encodeWorkerInfo(worker) })),
  ];
}
