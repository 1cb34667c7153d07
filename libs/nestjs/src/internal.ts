/** Entry `nestjs-asynq/internal`: names shared by our own packages. It may change in any release. */
export { namesOfConnections } from './asynq.core-module.js';
export { internalToken } from './asynq.tokens.js';
export type { DiscoveredHandler } from './discovery/task-handler.explorer.js';
export type { TaskHandlers } from './discovery/task-handlers.js';
export type { PayloadCheck } from './handling/payload-check.js';
export { NestLogAdapter } from './lifecycle/nest-logger.js';
