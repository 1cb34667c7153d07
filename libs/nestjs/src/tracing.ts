/** Entry `nestjs-asynq/tracing`: traces by OpenTelemetry, for the option `tracing`. Needs `@opentelemetry/api`. */
export * from '@nestjs-asynq/core/tracing';
