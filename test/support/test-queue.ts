/** The only way from `test/` to the tools that it shares with the specs of the core, and that the package leaves out. */
export { characterAt, indexOfCharacter, LAST_CHARACTER } from '../../libs/core/dist/test-support/any-character.js';
export { KeyGuard } from '../../libs/core/dist/test-support/key-guard.js';
export { SteppingClock } from '../../libs/core/dist/test-support/stepping-clock.js';
export { commandReader } from '../../libs/core/dist/test-support/resp-commands.js';
export type { Injection } from '../../libs/core/dist/test-support/queue-dump.js';
export {
  encodeTaskMessage,
  openMemoryQueue,
  openRedisQueue,
  type Seed,
  type TaskMessage,
  TestQueue,
} from '../../libs/core/dist/test-support/test-queue.js';
export { openTrackedTasks } from '../../libs/core/dist/test-support/tracked-tasks.js';
