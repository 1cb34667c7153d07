/**
 * Names of OpenTelemetry's semantic conventions for messaging, version 1.44, where all but `error.type` and `server.*`
 * are still in development: they may change, and then change here. Written out, because the package of the conventions
 * has them in its unstable entry point only.
 */
export const SCHEMA_URL = 'https://opentelemetry.io/schemas/1.44.0';

export const SYSTEM = 'messaging.system';
export const OPERATION_NAME = 'messaging.operation.name';
export const OPERATION_TYPE = 'messaging.operation.type';
export const DESTINATION = 'messaging.destination.name';
export const PARTITION = 'messaging.destination.partition.id';
export const MESSAGE_ID = 'messaging.message.id';
export const BODY_SIZE = 'messaging.message.body.size';
export const BATCH_COUNT = 'messaging.batch.message_count';
export const CLIENT_ID = 'messaging.client.id';
export const SERVER_ADDRESS = 'server.address';
export const SERVER_PORT = 'server.port';
export const ERROR_TYPE = 'error.type';

/** Ours: the conventions have no names for these. */
export const TASK_TYPE = 'asynq.task.type';
export const RETRY_COUNT = 'asynq.task.retry_count';
export const MAX_RETRY = 'asynq.task.max_retry';
export const OUTCOME = 'asynq.task.outcome';
