import type { Logger, ServerInfo, TaskInfo } from '@nestjs-asynq/core';
import { BOUNDS } from '../api/bounds.js';
import type { Content, RunningOn, TaskRow } from '../api/tasks.js';
import type { Formatters } from '../options.js';
import { cut, type Formatter, type ShownContent, showContent } from '../redaction/content.js';
import { HIDDEN } from '../redaction/redacted-fields.js';
import type { Redactor } from '../redaction/redactor.js';
import { WorkSlices } from '../slices/work-slices.js';

const TASKS_PER_TURN = 100;
/** Characters of an error in a list. */
const LISTED_ERROR = 1_000;

/** A task as it may leave the process, whole. */
interface ShownTask {
  readonly row: TaskRow;
  readonly headers: readonly { readonly name: string; readonly value: string; readonly isRedacted: boolean }[];
  readonly error: { readonly text: string; readonly isCut: boolean; readonly isRedacted: boolean };
}

/** Turns tasks into what may leave the process. */
export class TaskPresenter {
  constructor(
    private readonly redactor: Redactor,
    private readonly formatters: Formatters,
    private readonly logger: Logger,
  ) {}

  /** Lets the event loop turn between large payloads. */
  async rows(tasks: readonly TaskInfo[], servers: readonly ServerInfo[] = []): Promise<TaskRow[]> {
    const workers = runningTasks(servers);
    const slices = new WorkSlices(TASKS_PER_TURN);
    const rows: TaskRow[] = [];
    for (const task of tasks) {
      await slices.take();
      rows.push((await this.show(task, BOUNDS.listedPayload, LISTED_ERROR, workers)).row);
    }
    return rows;
  }

  /** @param most characters of payload, result and error */
  async show(
    task: TaskInfo,
    most: number,
    mostOfError: number = most,
    workers: ReadonlyMap<string, RunningOn> = new Map(),
  ): Promise<ShownTask> {
    const { payload, result } = task;
    const shownPayload = await this.content(task.type, payload, most, this.formatters.payload);
    const shownResult = result && (await this.content(task.type, result, most, this.formatters.result));
    const headers = Object.entries(task.headers).map(([name, value]) => {
      const isRedacted = this.redactor.hidesHeader(name);
      return { name, value, isRedacted };
    });
    const secrets = [
      ...shownPayload.secrets,
      ...(shownResult?.secrets ?? []),
      ...headers.flatMap(({ value, isRedacted }) => (isRedacted ? [value] : [])),
    ];
    const error = await this.redactor.loose(task.lastError, secrets);
    const text = cut(error.text, mostOfError);
    const row = await this.row(task, shownPayload.content, shownResult?.content, text, secrets, workers);
    return {
      row,
      headers: headers.map((header) => (header.isRedacted ? { ...header, value: HIDDEN } : header)),
      error: { text, isCut: text.length < error.text.length, isRedacted: error.isRedacted },
    };
  }

  /** Content outside of a task, such as that of a schedule. */
  content(type: string, bytes: Uint8Array, most: number, formatter = this.formatters.payload): Promise<ShownContent> {
    return showContent(bytes, this.redactor, most, this.format(formatter, type, bytes));
  }

  private async row(
    task: TaskInfo,
    payload: Content,
    result: Content | undefined,
    lastError: string,
    secrets: readonly string[],
    workers: ReadonlyMap<string, RunningOn>,
  ): Promise<TaskRow> {
    const { progress, completedAt, retentionMs, state } = task;
    return {
      id: task.id,
      queue: task.queue,
      ...(task.partition !== undefined && { partition: task.partition }),
      type: task.type,
      state,
      payload,
      retried: task.retried,
      maxRetry: task.maxRetry,
      lastError,
      lastFailedAtMs: task.lastFailedAt?.getTime(),
      nextProcessAtMs: task.nextProcessAt?.getTime(),
      completedAtMs: completedAt?.getTime(),
      expiresAtMs: completedAt && completedAt.getTime() + retentionMs,
      deadlineAtMs: task.deadline?.getTime(),
      result,
      group: task.group,
      progress: progress && {
        share: progress.share,
        note: progress.note === undefined ? undefined : (await this.redactor.loose(progress.note, secrets)).text,
        atMs: progress.at.getTime(),
      },
      isOrphaned: task.isOrphaned,
      crashes: task.crashes,
      worker: state === 'active' ? workers.get(`${task.queue}\n${task.id}`) : undefined,
    };
  }

  /** The app's formatter may fail; a task must be readable then, too. */
  private format(formatter: Formatter | undefined, type: string, bytes: Uint8Array): string | undefined {
    if (!formatter) return undefined;
    try {
      const formatted: unknown = formatter(type, new Uint8Array(bytes));
      return typeof formatted === 'string' ? formatted : undefined;
    } catch (error) {
      this.logger.error(`the formatter failed for a task of type "${type}"`, { error });
      return undefined;
    }
  }
}

/** By queue and id: the server that runs each task. */
export function runningTasks(servers: readonly ServerInfo[]): Map<string, RunningOn> {
  const running = new Map<string, RunningOn>();
  for (const { id, host, pid, workers } of servers) {
    for (const { queue, taskId, startedAt, deadline } of workers) {
      const on = { server: id, host, pid, startedAtMs: startedAt.getTime(), deadlineAtMs: deadline.getTime() };
      running.set(`${queue}\n${taskId}`, on);
    }
  }
  return running;
}
