import type { INestApplicationContext } from '@nestjs/common';
import { runTask as runAlone, type RunTaskOptions, type TaskRun } from '@nestjs-asynq/core/testing';
import { ServeMux } from '@nestjs-asynq/core';
import { getTaskServerToken } from '../asynq.tokens.js';
import type { TaskServer } from '../lifecycle/task-server.js';

/** Options of {@link runTask}: those of the task, and which handler. */
export interface RunHandlerOptions extends RunTaskOptions {
  /** Name of the connection. Default the unnamed one. */
  readonly connection?: string | undefined;
}

/**
 * Runs one attempt of a task through the whole pipeline of its handler: guards, interceptors, pipes and validation, filters,
 * `retryDelay` and `isFailure`, `errorHandler`. Writes to no queue, whatever the connection of the app is, and needs no
 * running server: it works with `worker: false` too. The app must be initialized.
 *
 * ```ts
 * const { outcome, result, error } = await runTask(app, 'email:verify', { membername: 'ada' }, { retried: 3 });
 * ```
 *
 * @throws {HandlerNotFoundError} the app has no handler for the type
 * @throws the errors of `enqueue`: the type, the payload or an option is invalid
 */
export async function runTask<Result = unknown>(
  app: Pick<INestApplicationContext, 'get'>,
  type: string,
  payload?: unknown,
  { connection, ...options }: RunHandlerOptions = {},
): Promise<TaskRun<Result>> {
  const server = app.get<TaskServer>(getTaskServerToken(connection), { strict: false });
  return runOn<Result>(server, type, payload, options);
}

/** Runs one attempt with the handlers and options of a server. */
export async function runOn<Result = unknown>(
  server: TaskServer,
  type: string,
  payload: unknown,
  options: RunTaskOptions,
): Promise<TaskRun<Result>> {
  const { settings, logger, handlers, binder } = server['deps'];
  const { codec, client, server: given } = settings;
  const { groupAggregator: _groups, onHealthCheck: _listener, ...serverOptions } = given;
  const { partitions: _partitions, ...clientOptions } = client;
  const setting = { server: { ...serverOptions, logger }, client: { ...clientOptions, codec } };
  const mux = new ServeMux();
  for (const handler of handlers.all) {
    const { retryDelay, isFailure } = handler.options;
    mux.handle(handler.pattern, binder.bind(handler), { retryDelay, isFailure });
  }
  return runAlone<Result>(mux, type, payload, options, setting);
}
