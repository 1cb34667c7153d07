import { type Job, type JobsOptions, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Driver, NewTask } from '../program/driver.js';
import { RETRY_DELAY_MS, TASK_TYPE, type TaskPayload } from '../program/protocol.js';

const RETRIES = { attempts: 26, backoff: { type: 'fixed', delay: RETRY_DELAY_MS } };

export const bullmq: Driver = {
  connect(url) {
    const connection = shared(url);
    const queues = new Map<string, Queue<TaskPayload>>();
    const queueOf = (name: string): Queue<TaskPayload> => {
      let queue = queues.get(name);
      if (!queue) queues.set(name, (queue = new Queue(name, { connection })));
      return queue;
    };
    const seen = new Set<string>();
    /** A duplicate gets the id of the existing job. */
    const countNew = (jobs: readonly Job[]): number => {
      const before = seen.size;
      for (const { id } of jobs) seen.add(id!);
      return seen.size - before;
    };
    return Promise.resolve({
      async enqueue(tasks) {
        const [first] = tasks;
        const jobs =
          tasks.length === 1
            ? [await queueOf(first!.queue).add(TASK_TYPE, first!.payload, optionsOf(first!))]
            : (
                await Promise.all([...byQueue(tasks)].map(([name, own]) => queueOf(name).addBulk(own.map(jobOf))))
              ).flat();
        return first!.uniqueForS === undefined ? jobs.length : countNew(jobs);
      },
      async close() {
        await Promise.all([...queues.values()].map((queue) => queue.close()));
        await connection.quit();
      },
    });
  },

  /** It has no weights: each queue has its own worker, with its share of the concurrency. */
  async serve(url, { queues, concurrency }, handle) {
    const connection = shared(url);
    const weights = Object.values(queues).reduce((sum, weight) => sum + weight, 0);
    const workers = Object.entries(queues).map(([name, weight]) =>
      new Worker<TaskPayload>(name, async ({ data }) => handle(data, name), {
        connection,
        concurrency: Math.max(1, Math.round((concurrency * weight) / weights)),
      }).on('error', console.error),
    );
    await Promise.all(workers.map((worker) => worker.waitUntilReady()));
    return {
      async close() {
        await Promise.all(workers.map((worker) => worker.close()));
        await connection.quit();
      },
    };
  },
};

/** Of all queues; each worker adds one that blocks. */
function shared(url: string): Redis {
  return new Redis(url, { maxRetriesPerRequest: null });
}

function byQueue(tasks: readonly NewTask[]): Map<string, NewTask[]> {
  const groups = new Map<string, NewTask[]>();
  for (const task of tasks) {
    const group = groups.get(task.queue);
    if (group) group.push(task);
    else groups.set(task.queue, [task]);
  }
  return groups;
}

function jobOf(task: NewTask): { name: string; data: TaskPayload; opts: JobsOptions } {
  return { name: TASK_TYPE, data: task.payload, opts: optionsOf(task) };
}

function optionsOf({ dueAtMs, keptForS, payload, uniqueForS }: NewTask): JobsOptions {
  return {
    ...RETRIES,
    removeOnComplete: keptForS === undefined ? true : { age: keptForS },
    ...(dueAtMs !== undefined && { delay: Math.max(0, dueAtMs - Date.now()) }),
    ...(uniqueForS !== undefined && { deduplication: { id: String(payload.userId), ttl: uniqueForS * 1000 } }),
  };
}
