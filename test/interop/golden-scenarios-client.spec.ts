import {
  Client,
  DuplicateTaskError,
  type EnqueueResult,
  InvalidOptionsError,
  TaskIdConflictError,
} from '@nestjs-asynq/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { asGoShowsGroup, asGoShowsQueue, asGoShowsTask } from './as-go-shows.js';
import { expectRefusal, GoldenStage } from './golden-stage.js';

/** Shortly before the recording, and well before the times that its calls name. */
const RECORDED_AT_MS = Date.parse('2026-11-21T07:54:12.400Z');
const NEW_YEAR_2030 = new Date('2030-01-01T00:00:00.000Z');
const ALMOST_A_SECOND_LATER = new Date('2030-01-01T00:00:00.999Z');

/** The task of most recorded calls. */
const WELCOME = { userId: 12345, template: 'welcome' };

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('calls of the client leave the same state as those of Go', () => {
  let redis: RedisServer;
  beforeAll(async () => void (redis = await startRedis()));
  afterAll(() => redis.stop());

  it('enqueue: payloads, ids, conflicts', async () => {
    await using stage = new GoldenStage(redis, 'enqueue', RECORDED_AT_MS);
    const { client } = stage;

    await stage.play(1, () => client.enqueue('notifications:email', WELCOME, { taskId: 't-1' }));
    await stage.play(2, () => client.enqueue('notifications:email', undefined, { taskId: 't-2' }));
    await stage.play(3, () => client.enqueue('notifications:email', bytes(''), { taskId: 't-3' }));
    await stage.play(4, () => client.enqueue('t', bytes('x')));
    await stage.play(5, async () => {
      await expect(client.enqueue('t', bytes('x'), { taskId: 't-1' })).rejects.toThrow(TaskIdConflictError);
    });
    await stage.play(6, () => client.enqueue('t', bytes('x'), { taskId: 't-1', queue: 'low' }));

    expect(stage.missing()).toEqual([]);
  });

  it('enqueue_options: each option alone and together', async () => {
    await using stage = new GoldenStage(redis, 'enqueue_options', RECORDED_AT_MS);
    await using inherited = new Client({ ...stage.withClock(), defaults: { maxRetry: 1, queue: 'a' } });
    const { client } = stage;

    await stage.play(1, () =>
      client.enqueue('notifications:email', WELCOME, {
        maxRetry: 7,
        queue: 'critical',
        taskId: 'o-1',
        timeout: '90s',
        deadline: NEW_YEAR_2030,
        retention: '1h',
        headers: { 'trace-id': 'abc' },
      }),
    );
    await stage.play(2, () => inherited.enqueue('t', undefined, { maxRetry: 2, taskId: 'o-2' }));
    await stage.refuse(3, () => client.enqueue('t', undefined, { maxRetry: -3, taskId: 'o-3' }));
    await stage.play(4, () => client.enqueue('t', undefined, { timeout: 1500, taskId: 'o-4' }));
    await stage.refuse(5, () => client.enqueue('t', undefined, { timeout: 500, taskId: 'o-5' }));
    await stage.refuse(6, () => client.enqueue('t', undefined, { timeout: 0, taskId: 'o-6' }));
    await stage.refuse(7, () => client.enqueue('t', undefined, { timeout: '-5s', taskId: 'o-7' }));
    await stage.play(8, () => client.enqueue('t', undefined, { deadline: ALMOST_A_SECOND_LATER, taskId: 'o-8' }));
    await stage.play(9, () => client.enqueue('t', undefined, { deadline: new Date(0), taskId: 'o-9' }));
    await stage.play(10, () => client.enqueue('t', undefined, { retention: 90_500, taskId: 'o-10' }));
    await stage.play(11, () => client.enqueue('t', undefined, { headers: { a: '2', b: '9' }, taskId: 'o-11' }));
    await stage.refuse(12, () => client.enqueue('メール:送信', bytes('Zoë 🎉'), { queue: '低い {x}', taskId: '名前' }));
    await stage.play(13, () => client.enqueue('t', undefined, { taskId: ' padded ' }));

    expect(stage.missing()).toEqual([]);
  });

  it('enqueue_errors: both sides refuse, and write nothing', async () => {
    await using stage = new GoldenStage(redis, 'enqueue_errors', RECORDED_AT_MS);
    const { client } = stage;
    const halfACharacter = '\ud83c'; // what is not UTF-8 in Go cannot be made valid Unicode here

    await stage.play(2, () => expectRefusal(() => client.enqueue(''), 'type'));
    await stage.play(3, () => expectRefusal(() => client.enqueue('  '), 'type'));
    await stage.play(4, () => expectRefusal(() => client.enqueue('t', undefined, { queue: '' }), 'queue'));
    await stage.play(5, () => expectRefusal(() => client.enqueue('t', undefined, { queue: '  ' }), 'queue'));
    await stage.play(6, () => expectRefusal(() => client.enqueue('t', undefined, { taskId: '' }), 'taskId'));
    await stage.play(7, () => expectRefusal(() => client.enqueue('t', undefined, { taskId: ' ' }), 'taskId'));
    await stage.play(8, () => expectRefusal(() => client.enqueue('t', undefined, { unique: 999 }), 'unique'));
    await stage.play(9, () => expectRefusal(() => client.enqueue('t', undefined, { unique: 0 }), 'unique'));
    await stage.play(10, () => expectRefusal(() => client.enqueue('t', undefined, { group: '' }), 'group'));
    await stage.play(11, () => expectRefusal(() => client.enqueue('t', undefined, { group: ' ' }), 'group'));
    await stage.play(12, () => expectRefusal(() => client.enqueue(`a${halfACharacter}b`), 'type'));
    const headers = { k: halfACharacter };
    await stage.play(13, () => expectRefusal(() => client.enqueue('t', undefined, { headers }), 'headers.k'));

    expect(stage.missing()).toEqual([]);
  });

  it('enqueue_unique: locks, their names and lifetimes', async () => {
    await using stage = new GoldenStage(redis, 'enqueue_unique', RECORDED_AT_MS);
    const { client, inspector } = stage;

    await stage.play(1, () => client.enqueue('u', WELCOME, { unique: '1h', taskId: 'u-1' }));
    await stage.play(2, async () => {
      const again = client.enqueue('u', WELCOME, { unique: '1h', taskId: 'u-2' });
      await expect(again).rejects.toThrow(DuplicateTaskError);
    });
    await stage.play(3, () => client.enqueue('u', WELCOME, { taskId: 'u-3' }));
    await stage.play(4, () => client.enqueue('u', WELCOME, { queue: 'low', unique: '1h', taskId: 'u-4' }));
    await stage.play(5, () => client.enqueue('u', undefined, { unique: 90_500, taskId: 'u-5' }));
    await stage.play(6, () => client.enqueue('u', bytes(''), { unique: '1h', taskId: 'u-6' }));
    await stage.play(7, async () => {
      const taken = client.enqueue('u', bytes('other'), { unique: '1h', taskId: 'u-1' });
      await expect(taken).rejects.toThrow(TaskIdConflictError);
    });
    await stage.play(8, () => client.enqueue('u', bytes('later'), { processIn: '2h', unique: '1h', taskId: 'u-7' }));
    const grouped = { group: 'g', unique: '1h' } as const;
    await stage.play(9, () => client.enqueue('u', bytes('grouped'), { ...grouped, taskId: 'u-8' }));
    await stage.play(10, async () => {
      const again = client.enqueue('u', bytes('grouped'), { ...grouped, taskId: 'u-9' });
      await expect(again).rejects.toThrow(DuplicateTaskError);
    });
    await stage.play(11, () => inspector.deleteTask('default', 'u-1'));
    await stage.play(12, () => inspector.archiveTask('default', 'u-7'));

    expect(stage.missing()).toEqual([]);
  });

  it('enqueue_scheduled: relative, absolute and past times', async () => {
    await using stage = new GoldenStage(redis, 'enqueue_scheduled', RECORDED_AT_MS);
    const { client, inspector } = stage;
    const longAgo = new Date('2020-01-01T00:00:00Z');

    await stage.play(1, () => client.enqueue('t', WELCOME, { processIn: '1h', taskId: 's-1' }));
    await stage.play(2, () => client.enqueue('t', WELCOME, { processAt: ALMOST_A_SECOND_LATER, taskId: 's-2' }));
    await stage.play(3, () => client.enqueue('t', WELCOME, { processAt: longAgo, taskId: 's-3' }));
    await stage.refuse(4, () => client.enqueue('t', WELCOME, { processIn: '-1s', taskId: 's-4' }));
    const both = { processIn: '1h', processAt: NEW_YEAR_2030, taskId: 's-5' } as const;
    await stage.refuse(5, () => client.enqueue('t', WELCOME, both));
    await stage.play(6, async () => {
      await expect(client.enqueue('t', WELCOME, { taskId: 's-1' })).rejects.toThrow(TaskIdConflictError);
    });
    await stage.play(7, () => client.enqueue('t', WELCOME, { processIn: '1h', group: 'g', taskId: 's-6' }));
    await stage.play(8, () => inspector.runTask('default', 's-6'));
    await stage.play(9, () => inspector.runTask('default', 's-1'));

    expect(stage.missing()).toEqual([]);
  });

  it('enqueue_group: tasks waiting in groups, and operations of an inspector on them', async () => {
    await using stage = new GoldenStage(redis, 'enqueue_group', RECORDED_AT_MS);
    const { client, inspector } = stage;

    await stage.play(1, () => client.enqueue('t', bytes('1'), { group: 'user:1', taskId: 'g-1' }));
    await stage.play(2, () => client.enqueue('t', bytes('2'), { group: 'user:1', taskId: 'g-2' }));
    await stage.play(3, () => client.enqueue('t', bytes('3'), { group: 'user:2', taskId: 'g-3' }));
    await stage.play(4, async () => {
      const again = client.enqueue('t', bytes('1'), { group: 'user:1', taskId: 'g-1' });
      await expect(again).rejects.toThrow(TaskIdConflictError);
    });
    await stage.read(5, async () => (await inspector.groups('default')).map(asGoShowsGroup));
    await stage.read(6, async () => {
      const tasks = await inspector.listTasks('default', 'aggregating', { group: 'user:1' });
      return tasks.map(asGoShowsTask);
    });
    await stage.play(7, () => inspector.runTask('default', 'g-1'));
    await stage.play(8, () => inspector.archiveAll('default', 'aggregating', { group: 'user:2' }));
    await stage.play(9, () => inspector.deleteTask('default', 'g-2'));

    expect(stage.missing()).toEqual([]);
  });

  it('batch_enqueue: one result each, independent of the others', async () => {
    await using stage = new GoldenStage(redis, 'batch_enqueue', RECORDED_AT_MS);
    const { client } = stage;
    let results: readonly EnqueueResult[] = [];

    await stage.play(1, async () => {
      results = await client.enqueueMany([
        { type: 't', payload: bytes('1'), options: { taskId: 'b-1' } },
        { type: 't', payload: bytes('2'), options: { taskId: 'b-2', processAt: NEW_YEAR_2030 } },
        { type: '' },
        { type: 't', options: { unique: '1h', taskId: 'b-unique' } },
        { type: 't', payload: bytes('other'), options: { taskId: 'b-1' } },
        { type: 't', payload: bytes('3'), options: { taskId: 'b-3', headers: { k: 'v' } } },
        { type: 't', payload: bytes('4'), options: { taskId: 'b-4', headers: { k: 'v' } } },
        { type: 't', payload: bytes('5'), options: { queue: 'low', taskId: 'b-5' } },
      ]);
    });
    await stage.play(2, () => client.enqueueMany([]));

    expect(results.map(({ task, error }) => task?.id ?? error?.constructor)).toEqual([
      'b-1',
      'b-2',
      InvalidOptionsError,
      'b-unique',
      TaskIdConflictError, // Go reports success, though it wrote nothing
      'b-3',
      'b-4',
      'b-5',
    ]);

    expect(stage.missing()).toEqual([]);
  });

  it('paused: a queue is paused once, and accepts tasks while paused', async () => {
    await using stage = new GoldenStage(redis, 'paused', RECORDED_AT_MS);
    const { client, inspector } = stage;

    await stage.play(1, () => inspector.pauseQueue('default'));
    await stage.play(2, async () => expect(await inspector.pauseQueue('default')).toBe(false)); // Go returns an error
    await stage.play(3, () => client.enqueue('t', WELCOME, { taskId: 'p-1' }));
    await stage.read(4, async () => [asGoShowsQueue(await inspector.queueInfo('default'))]);
    await stage.play(5, () => inspector.unpauseQueue('default'));
    await stage.play(6, async () => expect(await inspector.unpauseQueue('default')).toBe(false));

    expect(stage.missing()).toEqual([]);
  });
});
