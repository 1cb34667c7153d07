import { Client, DuplicateTaskError, Server, type ServerOptions, type TaskOptions } from '@nestjs-asynq/core';
import type { Driver, NewTask } from '../program/driver.js';
import { DEFAULT_QUEUE, RETRY_DELAY_MS, TASK_TYPE, type TaskPayload } from '../program/protocol.js';

/** What a way to watch adds to a worker. */
export interface Observing {
  readonly server?: Partial<ServerOptions>;
  /** Called when the server has started. */
  readonly onStart?: (server: Server) => void;
}

/** @param observing what watches the worker */
export const oursWith = (observing: Observing): Driver => ({
  connect(url) {
    const client = new Client({ connection: { url } });
    return Promise.resolve({
      async enqueue(tasks) {
        if (tasks.length === 1) return enqueueOne(client, tasks[0]!);
        const items = tasks.map((task) => ({ type: TASK_TYPE, payload: task.payload, options: optionsOf(task) }));
        const results = await client.enqueueMany(items);
        return results.filter(({ error }) => isAccepted(error)).length;
      },
      close: () => client.close(),
    });
  },

  async serve(url, { queues, concurrency }, handle) {
    const server = new Server({
      connection: { url },
      queues,
      concurrency,
      retryDelay: () => RETRY_DELAY_MS,
      ...observing.server,
    });
    await server.start(async (payload, { queue }) => handle(payload as TaskPayload, queue));
    observing.onStart?.(server);
    return { close: () => server.shutdown() };
  },
});

/** A worker that nothing watches. */
export const ours: Driver = oursWith({});

async function enqueueOne(client: Client, task: NewTask): Promise<number> {
  try {
    await client.enqueue(TASK_TYPE, task.payload, optionsOf(task));
    return 1;
  } catch (error) {
    return isAccepted(error as Error) ? 1 : 0;
  }
}

function isAccepted(error: Error | undefined): boolean {
  if (error !== undefined && !(error instanceof DuplicateTaskError)) throw error;
  return error === undefined;
}

function optionsOf({ queue, dueAtMs, keptForS, uniqueForS }: NewTask): TaskOptions | undefined {
  const options = {
    ...(queue !== DEFAULT_QUEUE && { queue }),
    ...(dueAtMs !== undefined && { processAt: new Date(dueAtMs) }),
    ...(keptForS !== undefined && { retention: keptForS * 1000 }),
    ...(uniqueForS !== undefined && { unique: uniqueForS * 1000 }),
  };
  return Object.keys(options).length === 0 ? undefined : options;
}
