import { describe, expect, it } from 'vitest';
import type { NewTask } from '../broker/contract/enqueue.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { PayloadTooLargeError } from '../errors/payload-too-large.error.js';
import { jsonCodec } from '../task/payload-codec.js';
import { QueuePartitions } from '../partitions/queue-partitions.js';
import type { TaskOptions } from '../task/task-options.js';
import { composeTask } from './enqueue-options.js';

const NOW_MS = 1_700_000_000_500;

function compose(options: TaskOptions = {}, defaults: TaskOptions = {}, payload?: unknown): NewTask {
  return composeTask({ type: 't', payload, options }, { codec: jsonCodec, maxPayloadBytes: 100, defaults }, NOW_MS);
}

function problemsOf(options: object, item: { type?: unknown; payload?: unknown } = {}): string[] {
  try {
    composeTask(
      { type: 't', ...item, options } as never,
      { codec: jsonCodec, maxPayloadBytes: 100, defaults: {} },
      NOW_MS,
    );
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error.problems.map(({ option }) => option);
    throw error;
  }
  return [];
}

describe('composeTask', () => {
  it('fills in the defaults of asynq', () => {
    const { message, ...task } = compose();

    expect(message).toMatchObject({ type: 't', queue: 'default', maxRetry: 25, timeoutS: 1800n, deadlineS: 0n });
    expect(message).toMatchObject({
      retentionS: 0n,
      uniqueKey: '',
      groupKey: '',
      retried: 0,
      errorMsg: '',
    });
    expect(message.headers).toEqual({});
    expect(message.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(task).toEqual({ processAtMs: undefined, uniqueTtlS: undefined });
  });

  it('writes every option into its field', () => {
    const { message, processAtMs } = compose({
      queue: 'critical',
      taskId: 'o-1',
      maxRetry: 7,
      timeout: '90s',
      deadline: new Date('2030-01-01T00:00:00.999Z'),
      retention: '1h',
      headers: { 'trace-id': 'abc' },
      processIn: '10s',
      group: 'digest:7',
    });

    expect(message).toMatchObject({ queue: 'critical', id: 'o-1', maxRetry: 7, timeoutS: 90n, retentionS: 3600n });
    expect(message).toMatchObject({ deadlineS: 1_893_456_001n, headers: { 'trace-id': 'abc' }, groupKey: 'digest:7' });
    expect(processAtMs).toBe(NOW_MS + 10_000);
  });

  it.each<[TaskOptions, object]>([
    [{ timeout: 1_001 }, { timeoutS: 2n }],
    [{ timeout: 1_999 }, { timeoutS: 2n }],
    [{ timeout: '2s' }, { timeoutS: 2n }],
    [{ retention: '900ms' }, { retentionS: 1n }],
    [{ retention: 90_500 }, { retentionS: 91n }],
    [{ retention: 0 }, { retentionS: 0n }],
    [{ deadline: new Date(NOW_MS + 1) }, { deadlineS: 1_700_000_001n }],
  ])('rounds %j up to whole seconds', (options, expected) => {
    expect(compose(options).message).toMatchObject(expected);
  });

  it('gives a task with a deadline no timeout of its own', () => {
    const { message } = compose({ deadline: new Date('2030-01-01T00:00:00Z') });

    expect(message).toMatchObject({ timeoutS: 0n, deadlineS: 1_893_456_000n });
  });

  it('treats a deadline of 1970 as none, as asynq does', () => {
    expect(compose({ deadline: new Date(0) }).message).toMatchObject({ timeoutS: 1800n, deadlineS: 0n });
  });

  it.each<[string, TaskOptions, number]>([
    ['at once', {}, 60],
    ['in the past', { processAt: new Date(NOW_MS - 5_000) }, 60],
    ['delayed, so that it outlives the wait', { processIn: '10s' }, 70],
    ['delayed by a part of a second', { processIn: 999 }, 61],
    ['for a part of a second', { unique: 59_001 }, 60], // rounded up
  ])('locks a unique task %s for whole seconds', (_, start, ttlS) => {
    const task = compose({ unique: '60s', ...start }, {}, { a: 1 });

    expect(task.uniqueTtlS).toBe(ttlS);
    expect(task.message.uniqueKey).toMatch(/^asynq:\{default\}:unique:t:[0-9a-f]{32}$/);
  });

  it('uses different locks for nil and empty payloads, as asynq does', () => {
    const nil = compose({ unique: '1h' }).message;
    const empty = compose({ unique: '1h' }, {}, new Uint8Array()).message;

    expect(nil.payload).toEqual(empty.payload);
    expect(nil.uniqueKey).toBe('asynq:{default}:unique:t:');
    expect(empty.uniqueKey).toBe('asynq:{default}:unique:t:d41d8cd98f00b204e9800998ecf8427e');
  });

  it('locks by an explicit key whatever the payload', () => {
    const unique = { ttl: '1h', key: 'member-5' } as const;

    const one = compose({ unique }, {}, { a: 1 }).message.uniqueKey;
    const other = compose({ unique }, {}, { a: 2 }).message.uniqueKey;

    expect(one).toBe(other);
  });

  it('writes JSON, and leaves bytes as they are', () => {
    const bytes = Uint8Array.of(0xff, 0x00);

    expect(Buffer.from(compose({}, {}, { a: 'ü' }).message.payload).toString()).toBe('{"a":"ü"}');
    expect(compose({}, {}, bytes).message.payload).toBe(bytes);
  });

  it('prefers the options of the call, also over the other form of a start time', () => {
    const defaults: TaskOptions = { queue: 'low', maxRetry: 1, processAt: new Date(NOW_MS + 99_000) };

    const own = compose({ maxRetry: 2, processIn: 1_000, queue: undefined }, defaults);
    const plain = compose({}, defaults);

    expect(own).toMatchObject({ message: { queue: 'low', maxRetry: 2 }, processAtMs: NOW_MS + 1_000 });
    expect(plain).toMatchObject({ message: { queue: 'low', maxRetry: 1 }, processAtMs: NOW_MS + 99_000 });
  });

  it.each<[object, string]>([
    [{ queue: ' ' }, 'queue'],
    [{ queue: 'a}b' }, 'queue'],
    [{ taskId: '' }, 'taskId'],
    [{ group: '  ' }, 'group'],
    [{ group: 'a\ud800' }, 'group'],
    [{ taskId: 'a\ud800' }, 'taskId'],
    [{ maxRetry: -1 }, 'maxRetry'],
    [{ maxRetry: 1.5 }, 'maxRetry'],
    [{ maxRetry: 2 ** 31 }, 'maxRetry'],
    [{ timeout: 999 }, 'timeout'],
    [{ timeout: 0 }, 'timeout'],
    [{ timeout: 'soon' }, 'timeout'],
    [{ unique: 999 }, 'unique'],
    [{ unique: { ttl: 999 } }, 'unique.ttl'],
    [{ unique: {} }, 'unique.ttl'],
    [{ unique: { ttl: '1h', key: '' } }, 'unique.key'],
    [{ unique: { tll: '1h', ttl: '1h' } }, 'unique.tll'],
    [{ unique: null }, 'unique'],
    [{ retention: -1 }, 'retention'],
    [{ processIn: -1 }, 'processIn'],
    [{ processAt: new Date(NaN) }, 'processAt'],
    [{ processAt: new Date(), processIn: 5 }, 'processAt'],
    [{ deadline: new Date('+010000-01-01T00:00:00Z') }, 'deadline'],
    [{ deadline: '2030-01-01' }, 'deadline'],
    [{ headers: { a: 5 } }, 'headers.a'],
    [{ headers: { a: '\udfff' } }, 'headers.a'],
    [{ headers: { '\udfff': 'a' } }, 'headers'],
    [{ headers: new Map() }, 'headers'],
    [{ maxRetires: 3 }, 'maxRetires'],
    [{ backoff: { delay: 1, jitter: Symbol('half') } }, 'backoff.jitter'],
    [{ backoff: { delay: 1, jitter: Object.create(null) as object } }, 'backoff.jitter'],
    [Promise.resolve({ maxRetry: 1 }), 'options'],
    [new Map([['maxRetry', 1]]), 'options'],
    [new Error('no options'), 'options'],
    [{ unique: Promise.resolve({ ttl: 1_000 }) }, 'unique'],
  ])('refuses %j', (options, option) => {
    expect(problemsOf(options)).toEqual([option]);
  });

  it.each<[string, object, string]>([
    ['a blank type', { type: ' ' }, 'type'],
    ['a type that is not valid Unicode', { type: 'a\ud800' }, 'type'],
    ['a missing type', { type: undefined }, 'type'],
    ['a payload that has no JSON form', { payload: 5n }, 'payload'],
    ['a function as a payload', { payload: () => 1 }, 'payload'],
  ])('refuses %s', (_, item, option) => {
    expect(problemsOf({}, item)).toEqual([option]);
  });

  it.each<[string, TaskOptions, string]>([
    ['the key', { partitionKey: 'k', group: 'g', unique: '1h', taskId: 'i' }, 'k'],
    ['else the group', { group: 'k', unique: '1h', taskId: 'i' }, 'k'],
    [
      'else the lock',
      { unique: { ttl: '1h', key: 'u' }, taskId: 'i' },
      'asynq:{email}:unique:t:7b774effe4a349c6dd82ad4f4f21d34c',
    ],
    ['else the id', { taskId: 'k' }, 'k'],
  ])('lets %s decide the partition', (_what, options, key) => {
    const partitions = new QueuePartitions({ email: 8 });
    const settings = { codec: jsonCodec, maxPayloadBytes: 100, defaults: {}, partitions };

    const { message } = composeTask({ type: 't', options: { ...options, queue: 'email' } }, settings, NOW_MS);

    expect(message.queue).toBe(partitions.choose('email', key));
    if (options.unique !== undefined) expect(message.uniqueKey).toMatch(`asynq:{${message.queue}}:unique:t:`);
  });

  it('ignores a partition key in a queue without partitions, and does not show an invalid one', () => {
    expect(compose({ partitionKey: 'k' }).message).toMatchObject({ queue: 'default' });
    expect(problemsOf({ partitionKey: ' ' })).toEqual(['partitionKey']);
    expect(problemsOf({ partitionKey: 5 })).toEqual(['partitionKey']);
  });

  it('reports all problems at once', () => {
    expect(problemsOf({ queue: '', maxRetry: -1, timeout: 5 }, { type: '' })).toEqual([
      'type',
      'queue',
      'timeout',
      'maxRetry',
    ]);
  });

  it('refuses a payload above the limit', () => {
    expect(() => compose({}, {}, 'x'.repeat(99))).toThrow(PayloadTooLargeError);
    expect(() => compose({}, {}, 'x'.repeat(98))).not.toThrow();
  });
});

it.each([
  ['delay', '"processIn"'],
  ['attempts', '"maxRetry"'],
  ['jobId', '"taskId"'],
  ['removeOnComplete', '"retention"'],
])('answers the option %s of other queues with %s', (option, ours) => {
  const enqueue = (): unknown => compose({ [option]: 1 });

  expect(enqueue).toThrow(`option "${option}" is 1; allowed: no option of this name; use ${ours}`);
});
