import {
  Client,
  Inspector,
  QueueNotFoundError,
  type Connection,
  silentLogger,
  TaskNotFoundError,
} from '@nestjs-asynq/core';
import { WorkerProcess } from '../../../support/worker-process.js';
import type { Contender } from './contender.js';

export const ours: Contender = {
  name: 'nestjs-asynq',
  about: 'this package, `leaseDuration` 3 s, `heartbeatInterval` 1 s',
  abandonedAfterMs: 9_000,
  prepare: () => undefined,

  startWorker({ connection, queues, concurrency, leaseMs, clockSkewMs }, onReport) {
    return WorkerProcess.start(
      {
        connection,
        queues: Object.fromEntries(queues.map((queue) => [queue, 1])),
        concurrency,
        leaseDuration: leaseMs,
        heartbeatInterval: leaseMs / 3,
      },
      { clockSkewMs },
      onReport,
    );
  },

  async connect(options) {
    const connection = options as unknown as Connection;
    const client = new Client({ connection, logger: silentLogger });
    const inspector = new Inspector({ connection, logger: silentLogger });
    return {
      async enqueue({ queue, id, type = 'work', ms, processInMs }) {
        await client.enqueue(type, { ms }, { queue, taskId: id, processIn: processInMs });
      },
      async openTasks(queue) {
        try {
          const { pending, active, scheduled, retry } = await inspector.queueInfo(queue);
          return pending + active + scheduled + retry;
        } catch (error) {
          if (error instanceof QueueNotFoundError) return 0;
          throw error;
        }
      },
      async stateOf(queue, id) {
        try {
          return (await inspector.taskInfo(queue, id)).state;
        } catch (error) {
          if (error instanceof QueueNotFoundError || error instanceof TaskNotFoundError) return undefined;
          throw error;
        }
      },
      async [Symbol.asyncDispose]() {
        await Promise.all([client.close(), inspector.close()]);
      },
    };
  },
};
