import { InvalidOptionsError, type Logger, QueueError, RedisCommandError } from '@nestjs-asynq/core';
import type { ErrorBody, ErrorCode } from '../api/errors.js';
import type { WholeAnswer } from './exchange.js';
import { json } from './headers.js';
import { invalid, RequestError } from './request.error.js';

/** Status and code by the code of an error of the core. */
const KNOWN: Readonly<Record<string, readonly [status: number, code: ErrorCode]>> = {
  QUEUE_NOT_FOUND: [404, 'QUEUE_NOT_FOUND'],
  TASK_NOT_FOUND: [404, 'TASK_NOT_FOUND'],
  SCHEDULE_NOT_FOUND: [404, 'SCHEDULE_NOT_FOUND'],
  TASK_STATE: [409, 'TASK_STATE'],
  TASK_ID_CONFLICT: [409, 'TASK_ID_CONFLICT'],
  DUPLICATE_TASK: [409, 'DUPLICATE_TASK'],
  QUEUE_NOT_EMPTY: [409, 'QUEUE_NOT_EMPTY'],
  PAYLOAD_TOO_LARGE: [413, 'TOO_LARGE'],
  INVALID_PAYLOAD: [400, 'INVALID_PAYLOAD'],
};

/** The error as the answer says it. What the app has to repair is logged, and not shown. */
export function toRequestError(error: unknown, logger: Logger): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof InvalidOptionsError) {
    return invalid(error.problems.map(({ option, allowed }) => ({ field: option, allowed })));
  }
  if (error instanceof RedisCommandError) {
    logger.warn('the dashboard could not read from Redis', { error });
    return new RequestError(503, 'REDIS', error.message);
  }
  const [status, code] = (error instanceof QueueError && KNOWN[error.code]) || [];
  if (status !== undefined && code !== undefined) return new RequestError(status, code, (error as Error).message);
  logger.error('the dashboard failed', { error });
  return new RequestError(500, 'INTERNAL', 'the dashboard failed: the log of the app says why');
}

export function errorAnswer({ status, code, message, problems }: RequestError): WholeAnswer {
  const body: ErrorBody = { error: { code, message, ...(problems && { problems }) } };
  return json(body, status);
}
