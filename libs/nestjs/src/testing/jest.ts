/** Entry `nestjs-asynq/testing/jest`: adds the matchers to the global `expect` of Jest. For `setupFilesAfterEnv`. */
import '@nestjs-asynq/core/testing/jest';
