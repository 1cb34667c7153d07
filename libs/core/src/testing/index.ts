/** Entry `@nestjs-asynq/core/testing`: a clock that tests control. */
export { FakeClock } from './fake-clock.js';
