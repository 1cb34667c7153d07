import {
  QueueNotEmptyError,
  RevokeTask,
  Server,
  ServeMux,
  SkipRetry,
  type TaskContext,
  TaskIdConflictError,
  TaskStateError,
} from '@nestjs-asynq/core';
import type { Aggregate } from '@nestjs-asynq/core/internal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SteppingClock } from '../support/test-queue.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { asGoShowsServer, asGoShowsTask } from './as-go-shows.js';
import { encodeMessage } from './golden-facts.js';
import { GoldenStage } from './golden-stage.js';

/** The task of most recorded calls. */
const WELCOME = { userId: 12345, template: 'welcome' };
const HOUR_MS = 3_600_000;

const retryInAnHour = { retryDelay: () => HOUR_MS };
const succeed = (): void => undefined;
/** The task of a handler that ignores its signal would stay active until the handler ends. */
const untilAborted = (_payload: unknown, { signal }: TaskContext): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
const fail = (): never => {
  throw new Error('dial tcp 10.0.0.1:25: connection refused');
};

describe('servers leave the same state as those of Go', () => {
  let redis: RedisServer;
  beforeAll(async () => void (redis = await startRedis()));
  afterAll(() => redis.stop());

  it('retry_once_failed: a failure, and a second one', async () => {
    await using stage = new GoldenStage(redis, 'retry_once_failed');

    await stage.play(1, async () => {
      await stage.client.enqueue('t', WELCOME, { taskId: 'r-1' });
      await stage.serveUntil('retried', 1, fail, retryInAnHour);
    });
    await stage.read(2, async () => [asGoShowsTask(await stage.inspector.taskInfo('default', 'r-1'))]);
    await stage.play(3, async () => {
      // As Go would do it: it does not know `due_at_ms`, which stays.
      await stage.redis.zrem('asynq:{default}:retry', 'r-1');
      await stage.redis.lpush('asynq:{default}:pending', 'r-1');
      await stage.redis.hset('asynq:{default}:t:r-1', 'state', 'pending');
    });
    await stage.clock.advance('90s');
    await stage.play(4, () => stage.serveUntil('retried', 2, fail, retryInAnHour));

    expect(stage.missing()).toEqual([]);
  });

  it('retry_not_a_failure: nothing is counted', async () => {
    await using stage = new GoldenStage(redis, 'retry_not_a_failure');

    await stage.play(1, async () => {
      await stage.client.enqueue('t', WELCOME, { taskId: 'r-2' });
      await stage.serveUntil('retried', 1, fail, { ...retryInAnHour, isFailure: () => false });
    });

    expect(stage.missing()).toEqual([]);
  });

  it('retry_unique: the lock stays', async () => {
    await using stage = new GoldenStage(redis, 'retry_unique');

    await stage.play(1, async () => {
      await stage.client.enqueue('t', WELCOME, { taskId: 'r-3', unique: '1h' });
      await stage.serveUntil('retried', 1, fail, retryInAnHour);
    });

    expect(stage.missing()).toEqual([]);
  });

  it('retry_forwarded: back to pending when it is due', async () => {
    await using stage = new GoldenStage(redis, 'retry_forwarded');

    await stage.play(1, async () => {
      await stage.client.enqueue('t', WELCOME, { taskId: 'r-4' });
      const server = await stage.serve(fail, { retryDelay: () => 1_000 });
      await stage.untilEvent('retried');
      await stage.inspector.pauseQueue('default');
      await stage.pass(async () => (await stage.redis.llen('asynq:{default}:pending')) === 1);
      await server.shutdown();
    });

    expect(stage.missing()).toEqual([]);
  });

  it('scheduled_forwarded: a task of ours, and one that Go scheduled for a group', async () => {
    await using stage = new GoldenStage(redis, 'scheduled_forwarded');
    const { payload, ...fields } = stage.recordedMessage(1, 'asynq:{default}:t:f-2');
    const msg = encodeMessage({ ...fields, payload: Buffer.from(String(payload)) });

    await stage.play(1, async () => {
      await stage.inspector.pauseQueue('default');
      const { nextProcessAt } = await stage.client.enqueue('t', WELCOME, { taskId: 'f-1', processIn: '1s' });
      await stage.redis.hset('asynq:{default}:t:f-2', { msg, state: 'scheduled' });
      await stage.redis.zadd('asynq:{default}:scheduled', Math.ceil(nextProcessAt.getTime() / 1000), 'f-2');
      const server = await stage.serve(succeed);
      await stage.pass(async () => (await stage.redis.llen('asynq:{default}:pending')) === 2);
      await server.shutdown();
    });

    expect(stage.missing()).toEqual([]);
  });

  it('archived: out of retries, skipped, revoked, unique', async () => {
    await using stage = new GoldenStage(redis, 'archived');
    const mux = new ServeMux()
      .handle('t', fail)
      .handle('skip', () => {
        throw new Error('bad input: skip retry for the task', { cause: new SkipRetry() });
      })
      .handle('revoke', () => {
        throw new Error('not wanted any more', { cause: new RevokeTask() });
      });

    await stage.play(1, async () => {
      await stage.client.enqueue('t', WELCOME, { taskId: 'a-1', maxRetry: 0 });
      await stage.client.enqueue('skip', WELCOME, { taskId: 'a-2' });
      await stage.client.enqueue('revoke', WELCOME, { taskId: 'a-3' });
      await stage.client.enqueue('t', WELCOME, { taskId: 'a-4', maxRetry: 0, unique: '1h' });
      const server = await stage.serve(mux);
      await stage.untilEvent('archived', 3);
      await stage.untilEvent('revoked');
      await server.shutdown();
    });
    await stage.read(2, async () => (await stage.inspector.listTasks('default', 'archived')).map(asGoShowsTask));
    await stage.play(3, () => stage.inspector.runTask('default', 'a-1'));

    expect(stage.missing()).toEqual([]);
  });

  it('completed: with and without retention and result', async () => {
    await using stage = new GoldenStage(redis, 'completed');
    const { client, inspector } = stage;
    const mux = new ServeMux().handle('t', succeed).handle('result', (_, context) => context.writeResult({ ok: true }));

    await stage.play(1, async () => {
      await client.enqueue('t', WELCOME, { taskId: 'c-1' });
      await stage.serveUntil('succeeded', 1, mux);
    });
    await stage.play(2, async () => {
      await client.enqueue('result', WELCOME, { taskId: 'c-2', retention: '1h' });
      await client.enqueue('t', WELCOME, { taskId: 'c-3', retention: '1h', unique: '2h' });
      await client.enqueue('result', WELCOME, { taskId: 'c-4' });
      await stage.serveUntil('succeeded', 4, mux);
    });
    await stage.read(3, async () => [asGoShowsTask(await inspector.taskInfo('default', 'c-2'))]);
    await stage.read(4, async () => (await inspector.listTasks('default', 'completed')).map(asGoShowsTask));
    await stage.play(5, async () => {
      await expect(client.enqueue('result', WELCOME, { taskId: 'c-2' })).rejects.toThrow(TaskIdConflictError);
    });
    await stage.play(6, () => inspector.runTask('default', 'c-2'));
    await stage.play(7, () => inspector.archiveTask('default', 'c-3'));

    expect(stage.missing()).toEqual([]);
  });

  it('completed_expired: deleted after its retention', async () => {
    await using stage = new GoldenStage(redis, 'completed_expired');

    await stage.play(1, async () => {
      await stage.client.enqueue('t', WELCOME, { taskId: 'x-1', retention: '1s' });
      const server = await stage.serve(succeed);
      await stage.untilEvent('succeeded');
      await stage.pass(async () => (await stage.redis.exists('asynq:{default}:t:x-1')) === 0);
      await server.shutdown();
    });

    expect(stage.missing()).toEqual([]);
  });

  it('active_and_server_keys: presence, leases, cancellation, stop, shutdown', async () => {
    await using stage = new GoldenStage(redis, 'active_and_server_keys');
    const { client, clock, inspector } = stage;
    const queues = { critical: 6, default: 3, low: 1 };
    const untilCanceled = (_: unknown, { signal }: TaskContext): Promise<void> =>
      Promise.race([
        stage.held,
        new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      ]);
    let server: Server | undefined;

    await stage.play(1, async () => {
      server = await stage.serve(untilCanceled, { queues, ...retryInAnHour });
      await stage.until(async () => (await stage.redis.keys('asynq:{*}:leader')).length === 3);
      await stage.until(async () => (await stage.redis.scard('asynq:queues')) === 3);
      await stage.until(async () => (await stage.redis.keys('asynq:servers:*')).length === 1);
    });
    await stage.play(2, async () => {
      await client.enqueue('notifications:email', WELCOME, { taskId: 'w-1', timeout: '90s' });
      const deadline = new Date(clock.nowMs() + HOUR_MS);
      await client.enqueue('t', undefined, { queue: 'critical', taskId: 'w-2', deadline });
      await stage.untilEvent('started', 2);
    });
    await stage.play(3, async () => {
      await stage.nextBeat({ default: 'w-1', critical: 'w-2' });
    });
    await stage.read(4, async () => (await inspector.servers()).map(asGoShowsServer));
    await stage.read(5, async () => (await inspector.listTasks('default', 'active')).map(asGoShowsTask));
    await stage.fail(6, () => inspector.deleteTask('default', 'w-1'), TaskStateError);
    await stage.fail(7, () => inspector.archiveTask('default', 'w-1'), TaskStateError);
    await stage.fail(8, () => inspector.runTask('default', 'w-1'), TaskStateError);
    await stage.fail(9, () => inspector.deleteQueue('default', { force: true }), QueueNotEmptyError);
    await stage.play(10, async () => {
      await stage.until(async () => Number((await stage.redis.pubsub('NUMSUB', 'asynq:cancel'))[1]) > 0);
      await inspector.cancelTask('w-1');
      await stage.untilEvent('retried');
    });
    await stage.play(11, async () => {
      await server!.stop();
      await stage.nextBeat({ critical: 'w-2' });
    });
    await stage.play(12, async () => {
      stage.release();
      await stage.untilEvent('succeeded');
      await server!.shutdown();
    });

    expect(stage.missing()).toEqual([]);
  });

  it('strict_priority_server: presence', async () => {
    await using stage = new GoldenStage(redis, 'strict_priority_server');
    const options = { strictPriority: true, concurrency: 3 };

    await stage.refuse(
      1,
      async () => new Server({ ...stage.withClock(), queues: { a: 10, b: 5, ignored: 0 }, ...options }),
    );
    await stage.play(1, async () => {
      await stage.serve(succeed, { queues: { a: 10, b: 5 }, ...options });
      await stage.until(async () => (await stage.redis.keys('asynq:{*}:leader')).length === 2);
      await stage.until(async () => (await stage.redis.scard('asynq:queues')) === 2);
      await stage.until(async () => (await stage.redis.keys('asynq:servers:*')).length === 1);
    });

    expect(stage.missing()).toEqual([]);
  });

  it('timeout: timeout, deadline, and a past deadline', async () => {
    await using stage = new GoldenStage(redis, 'timeout');
    const { client, clock } = stage;

    await stage.play(1, async () => {
      await client.enqueue('t', WELCOME, { taskId: 'd-1', timeout: '1s' });
      await client.enqueue('t', WELCOME, { taskId: 'd-2', deadline: new Date(clock.nowMs() + 2_000) });
      await client.enqueue('t', WELCOME, { taskId: 'd-3', deadline: new Date('2020-01-01T00:00:00Z') });
      const server = await stage.serve(untilAborted, retryInAnHour);
      await stage.untilEvent('started', 2);
      await stage.pass(async () => stage.count('retried') + stage.count('archived') === 3);
      await server.shutdown();
    });

    expect(stage.missing()).toEqual([]);
  });

  it('shutdown_requeue: the unfinished task returns ahead of the others', async () => {
    await using stage = new GoldenStage(redis, 'shutdown_requeue');
    let handled: Promise<void> | undefined;

    await stage.play(1, async () => {
      await stage.client.enqueue('t', Buffer.from('1'), { taskId: 'q-1' });
      const server = await stage.serve(() => (handled = stage.held), { concurrency: 1, shutdownTimeout: '1s' });
      await stage.untilEvent('started');
      await stage.client.enqueue('t', Buffer.from('2'), { taskId: 'q-2' });
      const closed = server.shutdown();
      await stage.pass(async () => stage.count('requeued') === 1);
      await closed;
    });
    await stage.play(2, async () => {
      stage.release();
      await handled;
    });

    expect(stage.missing()).toEqual([]);
  });

  it('panic_and_unknown_type: the stored error', async () => {
    await using stage = new GoldenStage(redis, 'panic_and_unknown_type');
    const nothing = null as unknown as Record<string, string>;
    const mux = new ServeMux()
      .handle('panic:string', () => {
        throw new Error('kaboom');
      })
      .handle('panic:error', fail)
      .handle('panic:runtime', () => {
        nothing['key'] = 'value';
      })
      .handle('empty:error', () => {
        throw new Error();
      });

    await stage.play(1, async () => {
      for (const type of ['panic:string', 'panic:error', 'panic:runtime', 'no:handler', 'empty:error']) {
        await stage.client.enqueue(type, undefined, { taskId: type });
      }
      const server = await stage.serve(mux, retryInAnHour);
      await stage.untilEvent('retried', 4);
      await stage.pass(async () => stage.count('retried') === 5); // the task of unknown type is offered to others first
      await server.shutdown();
    });

    expect(stage.missing()).toEqual([]);
  });

  it('aggregation: a full group, one after its grace period, and a taken id', async () => {
    await using stage = new GoldenStage(redis, 'aggregation');
    const { client, inspector } = stage;
    let calls = 0;
    const aggregate: Aggregate = async (group, tasks) => {
      calls += 1;
      await stage.held;
      const payload = Buffer.from(tasks.map(({ payloadBytes }) => Buffer.from(payloadBytes).toString()).join('+'));
      return { type: 'aggregated', payload, options: { taskId: `agg-${group}`, maxRetry: 2 } };
    };
    const groupAggregator = { maxSize: 3, gracePeriod: '1s', aggregate } as const;
    const exists = async (key: string): Promise<boolean> => (await stage.redis.exists(`asynq:{default}:${key}`)) === 1;
    let server: Server | undefined;

    await stage.play(1, async () => {
      await inspector.pauseQueue('default');
      for (const n of [1, 2, 3, 4]) {
        await client.enqueue('t', Buffer.from(`${n}`), { taskId: `m-${n}`, group: 'user:1' });
      }
      server = await stage.serve(succeed, { concurrency: 4, groupAggregator });
      await stage.until(async () => (await stage.redis.keys('asynq:servers:*')).length === 1);
      await stage.until(() => exists('aggregation_sets'));
    });
    await stage.play(2, async () => {
      stage.release();
      await stage.until(() => exists('pending'));
    });
    await stage.play(3, async () => {
      await stage.pass(async () => calls === 2);
      await stage.until(async () => !(await exists('aggregation_sets')));
      await server!.shutdown();
    });

    expect(stage.missing()).toEqual([]);
  });

  it('lease_expired: the tasks of a lost server', async () => {
    await using stage = new GoldenStage(redis, 'lease_expired');
    const { client, clock, inspector } = stage;
    const stopped = new SteppingClock(clock.nowMs()); // a server whose clock stands still sends no heartbeats

    await stage.play(1, async () => {
      await stage.serve(() => stage.held, { clock: stopped, concurrency: 2 });
      await stage.until(async () => (await stage.redis.keys('asynq:{*}:leader')).length === 1);
      await stage.until(async () => (await stage.redis.keys('asynq:servers:*')).length === 1);
      await client.enqueueMany([
        { type: 't', payload: WELCOME, options: { taskId: 'l-1' } },
        { type: 't', payload: WELCOME, options: { taskId: 'l-2', maxRetry: 0 } },
      ]);
      await stage.untilEvent('started', 2);
    });
    const active = async (): Promise<object[]> =>
      (await inspector.listTasks('default', 'active')).toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(asGoShowsTask);
    await stage.read(2, active);
    await stage.play(3, async () => {
      await clock.advance('12s');
      await stage.redis.del(...(await stage.redis.keys('asynq:servers:*')), 'asynq:{default}:leader'); // as Redis would
    });
    await stage.read(4, async () => {
      await clock.advance('20s');
      return active();
    });
    await clock.advance('31s');
    await stage.play(5, async () => {
      await inspector.pauseQueue('default');
      await stage.serveUntil('recovered', 2, succeed);
    });

    expect(stage.missing()).toEqual([]);
  });
});
