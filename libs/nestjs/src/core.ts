/** Entry `nestjs-asynq/core`: the core as this package uses it, so that apps need not depend on it by name. */
export * from '@nestjs-asynq/core';
