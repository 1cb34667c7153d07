/** Front door of `@nestjs-asynq/core/testing`: what tests need to drive queues by hand. */
export { type MemoryBroker, type MemoryBrokerOptions, openMemoryBroker } from '../broker/memory/memory-broker.js';
export { type BrokerMethod, failingBroker, type FailingBroker, type FailureOptions } from './failing-broker.js';
export { FakeClock } from './fake-clock.js';
export { KeyGuard } from './key-guard.js';
export type { CounterDump, Injection, PresenceDump, QueueDump, Scores, TaskDump, TaskFields } from './queue-dump.js';
export {
  openMemoryQueue,
  openRedisQueue,
  type RedisTestQueueOptions,
  type Seed,
  TestQueue,
  type TestQueueOptions,
} from './test-queue.js';
