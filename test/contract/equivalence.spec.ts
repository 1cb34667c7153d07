import { FakeClock } from '@nestjs-asynq/core/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openMemoryQueue, openRedisQueue } from '../support/test-queue.js';
import { PairedQueues } from './paired-queues.js';
import { operations } from './random-operations.js';
import { shareRedis } from './shared-redis.js';

const SEQUENCES = 200;
const STEPS = 50;
/** 2099-12-31T20:00:00Z: counters of that day outlive the test on a real Redis, and a sequence may pass midnight. */
const START_MS = Date.UTC(2099, 11, 31, 20);

const shared = shareRedis();

it('the memory broker and Redis are equal after every step of any sequence', { timeout: 240_000 }, async () => {
  let steps = 0;
  await fc.assert(
    fc.asyncProperty(operations(STEPS), async (sequence) => {
      const clock = new FakeClock(START_MS);
      await using memory = openMemoryQueue({ clock });
      await using redis = openRedisQueue(shared.client, { clock, name: memory.name });
      const queues = new PairedQueues(memory, redis, clock);
      for (const operation of sequence) {
        await queues.step(operation);
        steps += 1;
      }
    }),
    { numRuns: SEQUENCES },
  );
  expect(steps).toBe(SEQUENCES * STEPS);
});
