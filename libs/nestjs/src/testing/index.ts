/** Front door of `nestjs-asynq/testing`: a clock that tests drive by hand, without depending on the core by name. */
export { FakeClock } from '@nestjs-asynq/core/testing';
