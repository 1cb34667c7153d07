import {
  Client,
  type EnqueuedTask,
  type EnqueueResult,
  jsonCodec,
  silentLogger,
  type TaskOptions,
} from '@nestjs-asynq/core';
import { encodeWith } from '@nestjs-asynq/core/internal';
import type { TaskRecorder, TaskRun } from '@nestjs-asynq/core/testing';
import type { AsynqSettings } from '../asynq.options.js';
import type { TaskServer } from '../lifecycle/task-server.js';
import { runOn } from './run-task.js';

type Items = Parameters<Client['enqueueMany']>[0];

/** Runs each task within `enqueue`, at once, whatever its delay or group is. What the handler throws, `enqueue` throws. */
export class InlineClient implements Pick<Client, 'enqueue' | 'enqueueMany'> {
  /** Checks and records. */
  private readonly client: Client;

  constructor(
    private readonly server: TaskServer,
    private readonly settings: AsynqSettings,
    private readonly recorder: TaskRecorder,
  ) {
    const { codec, client } = settings;
    this.client = new Client({ ...client, codec, connection: recorder.connection, logger: silentLogger });
  }

  async enqueue(type: string, payload?: unknown, options?: TaskOptions): Promise<EnqueuedTask> {
    return this.run(await this.client.enqueue(type, payload, options), payload, options);
  }

  async enqueueMany(items: Items): Promise<EnqueueResult[]> {
    const results: EnqueueResult[] = [];
    for (const [index, result] of (await this.client.enqueueMany(items)).entries()) {
      const { payload, options } = items[index]!;
      results.push(result.task ? await this.resultOf(result.task, payload, options) : result);
    }
    return results;
  }

  private async resultOf(task: EnqueuedTask, payload: unknown, options?: TaskOptions): Promise<EnqueueResult> {
    try {
      return { task: await this.run(task, payload, options) };
    } catch (error) {
      return { error: error instanceof Error ? error : new Error(`${task.type} threw no error`, { cause: error }) };
    }
  }

  private async run(task: EnqueuedTask, payload: unknown, options: TaskOptions = {}): Promise<EnqueuedTask> {
    const run = await runOn(this.server, task.type, payload, { ...options, taskId: task.id });
    if (run.outcome === 'retried' || run.outcome === 'archived') throw run.error;
    const { retentionMs } = this.recorder.enqueued.find(({ id }) => id === task.id) ?? { retentionMs: 0 };
    const isKept = run.outcome === 'succeeded' && retentionMs > 0;
    return ended(task, isKept ? run : undefined, this.settings.codec ?? jsonCodec);
  }
}

/** The handle of a task that has been run. @param run absent when the queue would not keep the task */
function ended(task: EnqueuedTask, run: TaskRun | undefined, codec: NonNullable<AsynqSettings['codec']>): EnqueuedTask {
  const result = run?.result;
  const bytes = result === undefined ? undefined : encodeWith(codec, result);
  return {
    ...task,
    state: async () => (run ? 'completed' : undefined),
    wait: async () => (run ? { state: 'completed', result: bytes, resultValue: result } : { state: 'deleted' }),
    result: async <Result>() => result as Result,
  };
}
