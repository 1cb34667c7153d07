import { availableParallelism } from 'node:os';
import { describe, expect, it, vi } from 'vitest';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { partitionName } from '../partitions/partition-name.js';
import type { Logger } from '../runtime/logger.js';
import { resolveSettings } from './server-settings.js';

function resolve(options: object = {}) {
  return resolveSettings({ connection: 'memory', ...options });
}

function refused(options: object): string[] {
  try {
    resolve(options);
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error.problems.map(({ option }) => option);
    throw error;
  }
  return [];
}

describe('resolveSettings', () => {
  it('has a default for everything but the connection', () => {
    expect(resolve()).toMatchObject({
      concurrency: availableParallelism(),
      queues: { default: 1 },
      strictPriority: false,
      shutdownTimeoutMs: 8_000,
      leaseMs: 30_000,
      heartbeatIntervalMs: 5_000,
      heartbeat: undefined,
      taskCheckIntervalMs: 1_000,
      delayedTaskCheckIntervalMs: 5_000,
      janitorIntervalMs: 8_000,
      janitorBatchSize: 100,
      archive: { maxAgeMs: 90 * 86_400_000, maxSize: 10_000 },
      unknownTypeDelayMs: 5_000,
      unknownTypeTimeoutMs: 3_600_000,
      maxCrashes: 5,
      recoverGraceMs: 2_000,
      maxBlockingConnections: 16,
      onHealthCheck: undefined,
      healthCheckIntervalMs: 15_000,
    });
    expect(refused({ connection: undefined })).toEqual(['connection']);
  });

  it('reads durations as text and as milliseconds', () => {
    const settings = resolve({ leaseDuration: '10s', shutdownTimeout: 1_500, archive: { maxAge: '2 days' } });

    expect(settings).toMatchObject({ leaseMs: 10_000, shutdownTimeoutMs: 1_500, archive: { maxAgeMs: 172_800_000 } });
  });

  it('reads a queue with partitions, whose weight is 1 unless given', () => {
    const settings = resolve({
      queues: { a: { weight: 3, partitions: 8 }, b: { partitions: 2 }, c: { weight: 2 }, d: 1 },
    });

    expect(settings.queues).toEqual({ a: 3, b: 1, c: 2, d: 1 });
    expect(settings.partitions).toEqual({ a: 8, b: 2 });
  });

  it.each(['__proto__', 'constructor', 'toString'])('takes a queue of any name: %s', (name) => {
    const plain = resolve({ queues: JSON.parse(`{ "${name}": 2, "${partitionName(name, 0)}": 1 }`) });
    const parted = resolve({ queues: JSON.parse(`{ "${name}": { "partitions": 3 } }`) });

    expect(Object.entries(plain.queues)).toEqual([
      [name, 2],
      [partitionName(name, 0), 1],
    ]);
    expect(Object.entries(parted.partitions)).toEqual([[name, 3]]);
  });

  it('beats at least three times in a lease', () => {
    expect(resolve({ leaseDuration: '6s' }).heartbeatIntervalMs).toBe(2_000);
    expect(refused({ leaseDuration: '6s', heartbeatInterval: 2_001 })).toEqual(['heartbeatInterval']);
  });

  it.each<[object, string]>([
    [{ concurrency: 0 }, 'concurrency'],
    [{ concurrency: 2.5 }, 'concurrency'],
    [{ queues: {} }, 'queues'],
    [{ queues: ['a'] }, 'queues'],
    [{ queues: { a: 0 } }, 'queues.a'],
    [{ queues: { a: 1.5 } }, 'queues.a'],
    [{ queues: { a: undefined } }, 'queues.a'],
    [{ queues: { '{a}': 1 } }, 'queues'],
    [{ queues: { a: { weight: 0 } } }, 'queues.a.weight'],
    [{ queues: { a: { partitions: 0 } } }, 'queues.a.partitions'],
    [{ queues: { a: { partitions: 1.5 } } }, 'queues.a.partitions'],
    [{ queues: { a: { partitions: 10_000 } } }, 'queues.a.partitions'],
    [{ queues: { a: { partition: 2 } } }, 'queues.a.partition'],
    [{ queues: { a: null } }, 'queues.a'],
    [{ queues: { email: { partitions: 2 }, 'email:p0-hv': 1 } }, 'queues'],
    [{ queues: { 'email:p0-hv': { partitions: 2 } } }, 'queues'],
    [{ strictPriority: 'yes' }, 'strictPriority'],
    [{ leaseDuration: 999 }, 'leaseDuration'],
    [{ leaseDuration: 1_500 }, 'leaseDuration'],
    [{ heartbeat: 'worker' }, 'heartbeat'],
    [{ shutdownTimeout: -1 }, 'shutdownTimeout'],
    [{ janitorBatchSize: 1_001 }, 'janitorBatchSize'],
    [{ archive: { maxage: '1d' } }, 'archive.maxage'],
    [{ archive: { maxSize: -1 } }, 'archive.maxSize'],
    [{ maxCrashes: 0 }, 'maxCrashes'],
    [{ retryDelay: 5 }, 'retryDelay'],
    [{ codec: { encode: () => 1 } }, 'codec'],
    [{ logger: {} }, 'logger'],
    [{ clock: {} }, 'clock'],
    [{ onEvent: 'log' }, 'onEvent'],
  ])('refuses %j', (options, option) => {
    expect(refused(options)).toEqual([option]);
  });

  it('reports all problems at once, with the intended names', () => {
    expect(() => resolve({ concurency: 5, maxCrashes: -1 })).toThrow(
      'option "concurency" is 5; allowed: no option of this name; did you mean "concurrency"?\n' +
        'option "maxCrashes" is -1; allowed: a whole number from 1 to 2147483647',
    );
  });

  it('makes a listener that cannot throw', () => {
    const error = vi.fn<Logger['error']>();
    const logger = { debug: error, info: error, warn: error, error };
    const onEvent = (): never => {
      throw new Error('broken');
    };

    resolve({ onEvent, logger }).emit?.({ kind: 'requeued', id: 'a', type: 't', queue: 'q', at: new Date() });

    expect(error).toHaveBeenCalledExactlyOnceWith(
      'onEvent failed at "requeued"',
      expect.objectContaining({ taskId: 'a' }),
    );
  });
});
