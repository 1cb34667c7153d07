/** Entry `nestjs-asynq/testing/vitest`: adds the matchers to `expect` of Vitest. For a setup file. */
import '@nestjs-asynq/core/testing/vitest';
