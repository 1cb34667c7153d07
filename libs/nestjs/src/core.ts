/** Entry `nestjs-asynq/core`: the core used by this package, so that apps need no dependency on it. */
export * from '@nestjs-asynq/core';
