/** Entry `nestjs-asynq/testing`: a clock that tests control, without a dependency on the core. */
export { FakeClock } from '@nestjs-asynq/core/testing';
