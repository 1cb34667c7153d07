import { Redis } from 'ioredis';
import type { Driver } from '../program/driver.js';
import { DEFAULT_QUEUE, type TaskPayload } from '../program/protocol.js';
import { runProgram } from '../program/run-program.js';

const PENDING = 'bare:pending';
const ACTIVE = 'bare:active';
const LEASE = 'bare:lease';
const taskKey = (id: string): string => `bare:t:${id}`;

/** Only the commands of a task, without a queue: the limit of Redis and one connection. */
const bareCommands: Driver = {
  connect(url) {
    const redis = new Redis(url, { lazyConnect: true });
    let next = 0;
    return Promise.resolve({
      async enqueue(tasks) {
        const pipeline = redis.pipeline();
        for (const { payload } of tasks) {
          const id = String(next++);
          pipeline.hset(taskKey(id), 'msg', JSON.stringify(payload), 'state', 'pending');
          pipeline.lpush(PENDING, id);
        }
        await pipeline.exec();
        return tasks.length;
      },
      close: () => Promise.resolve(redis.disconnect()),
    });
  },

  async serve(url, { concurrency }, handle) {
    const redis = new Redis(url);
    const waiting = redis.duplicate();
    const closing = new AbortController();

    /** Takes a task and reads it in the round trip that waits for it. */
    async function waitForOne(): Promise<void> {
      const [id, [message]] = await Promise.all([
        waiting.blmove(PENDING, ACTIVE, 'RIGHT', 'LEFT', 0),
        waiting.sort(ACTIVE, 'BY', 'nosort', 'LIMIT', 0, 1, 'GET', `${taskKey('*')}->msg`) as Promise<[string]>,
      ]);
      handle(JSON.parse(message) as TaskPayload, DEFAULT_QUEUE);
      await settle([id!]);
    }

    async function fetch(): Promise<string[]> {
      const pipeline = redis.pipeline();
      for (let slot = 0; slot < concurrency; slot++) pipeline.lmove(PENDING, ACTIVE, 'RIGHT', 'LEFT');
      const replies = await pipeline.exec();
      return replies!.map(([, id]) => id).filter((id): id is string => id !== null);
    }

    async function read(ids: readonly string[]): Promise<TaskPayload[]> {
      const pipeline = redis.pipeline();
      for (const id of ids) {
        pipeline.zadd(LEASE, 1, id);
        pipeline.hset(taskKey(id), 'state', 'active');
        pipeline.hget(taskKey(id), 'msg');
      }
      const replies = await pipeline.exec();
      return ids.map((_, at) => JSON.parse(replies![3 * at + 2]![1] as string) as TaskPayload);
    }

    async function settle(ids: readonly string[]): Promise<void> {
      const pipeline = redis.pipeline();
      for (const id of ids) {
        pipeline.lrem(ACTIVE, -1, id);
        pipeline.zrem(LEASE, id);
        pipeline.del(taskKey(id));
      }
      await pipeline.exec();
    }

    async function work(): Promise<void> {
      while (!closing.signal.aborted) {
        const ids = await fetch();
        if (ids.length === 0) {
          await waitForOne().catch(ignoreAfterClosing);
          continue;
        }
        for (const payload of await read(ids)) handle(payload, DEFAULT_QUEUE);
        await settle(ids);
      }
    }

    function ignoreAfterClosing(error: unknown): void {
      if (!closing.signal.aborted) throw error;
    }

    const working = work();
    return {
      async close() {
        closing.abort();
        waiting.disconnect();
        await working;
        redis.disconnect();
      },
    };
  },
};

runProgram(bareCommands);
