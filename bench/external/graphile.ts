import { type AddJobsJobSpec, Logger, makeWorkerUtils, run } from 'graphile-worker';
import type { Driver, NewTask } from '../program/driver.js';
import { DEFAULT_QUEUE, TASK_TYPE, type TaskPayload } from '../program/protocol.js';
import { runProgram } from '../program/run-program.js';

const LOCAL_QUEUE = 500;
/** Batches outcomes: those of one turn of the event loop are written together. */
const COMPLETE_BATCH_DELAY_MS = 0;

/** By default it logs every job that succeeds. */
const LOGGED: readonly string[] = ['error', 'warning'];
const logger = new Logger(() => (level, message) => {
  if (LOGGED.includes(level)) console.error(message);
});

/** Limited by PostgreSQL's `max_connections`; the local queue needs few. */
const poolSize = (concurrency: number): number => Math.min(concurrency + 2, 20);

const graphile: Driver = {
  async connect(url) {
    const utils = await makeWorkerUtils({ connectionString: url, logger });
    await utils.migrate();
    return {
      async enqueue(tasks) {
        const [first] = tasks;
        if (tasks.length === 1) await utils.addJob(TASK_TYPE, first!.payload, runAt(first!));
        else await utils.addJobs(tasks.map(jobOf));
        return tasks.length;
      },
      close: () => Promise.resolve(utils.release()),
    };
  },

  async serve(url, { concurrency }, handle) {
    const runner = await run({
      preset: {
        worker: {
          connectionString: url,
          concurrentJobs: concurrency,
          maxPoolSize: poolSize(concurrency),
          localQueue: { size: Math.max(LOCAL_QUEUE, concurrency + 1) },
          completeJobBatchDelay: COMPLETE_BATCH_DELAY_MS,
          failJobBatchDelay: COMPLETE_BATCH_DELAY_MS,
          logger,
        },
      },
      noHandleSignals: true,
      taskList: { [TASK_TYPE]: (payload) => void handle(payload as TaskPayload, DEFAULT_QUEUE) },
    });
    return { close: () => runner.stop() };
  },
};

function jobOf(task: NewTask): AddJobsJobSpec {
  return { identifier: TASK_TYPE, payload: task.payload, ...runAt(task) };
}

function runAt({ dueAtMs }: NewTask): { runAt?: Date } {
  return dueAtMs === undefined ? {} : { runAt: new Date(dueAtMs) };
}

runProgram(graphile);
