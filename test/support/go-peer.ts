import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Conditions } from './conditions.js';

/** Whether the peer could be built; tests of it say `describe.skipIf(!hasGoPeer)`. */
export const hasGoPeer = process.env['ASYNQ_PEER_BIN'] !== undefined;

/** A task for Go to enqueue; absent options are left to asynq. See {@link GoPeer.serve} for its handler. */
export interface GoTask {
  readonly type: string;
  readonly payload?: Uint8Array | undefined;
  /** Instead of a payload: Go makes JSON of it. */
  readonly value?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly queue?: string | undefined;
  readonly taskId?: string | undefined;
  readonly maxRetry?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly deadlineAtMs?: number | undefined;
  readonly uniqueMs?: number | undefined;
  readonly processInMs?: number | undefined;
  readonly processAtMs?: number | undefined;
  readonly retentionMs?: number | undefined;
  readonly group?: string | undefined;
}

export type GoEnqueued = { readonly id: string; readonly state: string } | { readonly error: string };

export interface GoServerOptions {
  readonly queues: Readonly<Record<string, number>>;
  readonly concurrency: number;
  readonly strictPriority?: boolean | undefined;
  readonly taskCheckIntervalMs?: number | undefined;
  readonly delayedTaskCheckIntervalMs?: number | undefined;
  /** Of every failure; default 0: due at once. */
  readonly retryDelayMs?: number | undefined;
  readonly shutdownTimeoutMs?: number | undefined;
  /**
   * The result of its aggregator for a group, after a second: `sum`, a task of type `sum:succeed` whose payload is the JSON
   * array of theirs; `hang`: nothing, it never returns. Default: no aggregator.
   */
  readonly aggregate?: 'sum' | 'hang' | undefined;
  /** Default 0: no limit. */
  readonly groupMaxSize?: number | undefined;
}

/** One attempt of Go's server, reported when it has ended; `error` when it failed. */
export interface GoHandled {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly payload: Buffer;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly retried: number;
  readonly error?: string;
  readonly atMs: number;
}

/** A span of the Go program, by the SDK of OpenTelemetry for Go. */
export interface GoSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  /** Ids of the linked spans. */
  readonly links: readonly string[];
}

/** An entry of a scheduler, as Go reads it back. */
export interface GoSchedulerEntry {
  readonly id: string;
  readonly spec: string;
  readonly type: string;
  /** Base64. */
  readonly payload: string;
  /** In their text form; Go leaves out those that it does not read back. */
  readonly options: readonly string[];
  /** 0: never. */
  readonly nextAtMs: number;
  readonly previousAtMs: number;
}

export interface GoQueueInfo {
  readonly queue: string;
  /** All tasks except completed ones. */
  readonly size: number;
  readonly groups: number;
  readonly memoryUsage: number;
  readonly latencyMs: number;
  readonly pending: number;
  readonly active: number;
  readonly scheduled: number;
  readonly retry: number;
  readonly archived: number;
  readonly completed: number;
  readonly aggregating: number;
  readonly processedToday: number;
  readonly failedToday: number;
  readonly processedTotal: number;
  readonly failedTotal: number;
  readonly isPaused: boolean;
}

/** A task as Go's Inspector shows it; absent times are 0. */
export interface GoTaskInfo {
  readonly id: string;
  readonly queue: string;
  readonly type: string;
  readonly payload: Buffer;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly state: string;
  readonly maxRetry: number;
  readonly retried: number;
  readonly lastError: string;
  readonly lastFailedAtMs: number;
  readonly timeoutMs: number;
  readonly deadlineAtMs: number;
  readonly group: string;
  readonly nextProcessAtMs: number;
  readonly isOrphaned: boolean;
  readonly retentionMs: number;
  readonly completedAtMs: number;
  readonly result: Buffer;
}

export interface GoServerInfo {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly concurrency: number;
  readonly queues: Readonly<Record<string, number>>;
  readonly strictPriority: boolean;
  readonly startedAtMs: number;
  readonly status: string;
  readonly activeTaskIds: readonly string[];
}

/** Where the peer finds Redis: a server, or some nodes of a cluster. */
export type GoPeerTarget =
  { readonly port: number } | { readonly addresses: readonly { host: string; port: number }[] };

interface Waiter {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Go's asynq in a separate process (`test/interop/asynq-peer`). Errors of asynq reject with their text. */
export class GoPeer implements AsyncDisposable {
  /** Attempts of its server so far, oldest first. */
  readonly handled: GoHandled[] = [];
  /** Spans of its handler `forward`, in the order of their ends. */
  readonly spans: GoSpan[] = [];
  private readonly process: ChildProcessByStdio<Writable, Readable, null>;
  private readonly exited: Promise<void>;
  private readonly replies = new Map<number, Waiter>();
  private readonly conditions = new Conditions();
  private lastId = 0;

  constructor(target: GoPeerTarget) {
    const binary = process.env['ASYNQ_PEER_BIN'];
    if (binary === undefined) throw new Error('no Go peer: skip with hasGoPeer, add go-peer.global-setup.ts');
    this.process = spawn(binary, targetArgs(target), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.exited = new Promise((resolve) => this.process.once('close', () => resolve()));
    void this.exited.then(() => this.rejectAll(new Error('the Go peer ended')));
    createInterface(this.process.stdout).on('line', (line) => this.hear(line));
  }

  enqueue(tasks: readonly GoTask[]): Promise<GoEnqueued[]> {
    return this.ask('enqueue', { tasks: tasks.map(encoded) });
  }

  /**
   * Starts a server. The last part of a task's type says what its handler does: `succeed`, `fail-once`, `fail-always`,
   * `fail-with` (the payload is the error), `skip-retry`, `revoke`, `echo` (the payload becomes the result), `forward`
   * (enqueues the task `{ type, queue, payload }` that the payload describes, in the trace of its own), `block` (until it is
   * cancelled).
   */
  async serve(options: GoServerOptions): Promise<void> {
    await this.ask('serve', options);
  }

  /** Shuts the server down, gracefully; its last attempts are in `handled` then. */
  async shutdown(): Promise<void> {
    await this.ask('shutdown');
  }

  queues(): Promise<string[]> {
    return this.ask('queues');
  }

  queueInfo(queue: string): Promise<GoQueueInfo> {
    return this.ask('queueInfo', { queue });
  }

  async taskInfo(queue: string, taskId: string): Promise<GoTaskInfo> {
    return decodeBytes(await this.ask<GoTaskInfo>('taskInfo', { queue, taskId }));
  }

  /** A page of the queue's tasks in a state; pages count from 1. */
  async tasks(queue: string, state: string, page = { number: 1, size: 100 }): Promise<GoTaskInfo[]> {
    const infos = await this.ask<GoTaskInfo[]>('tasks', { queue, state, page: page.number, pageSize: page.size });
    return infos.map(decodeBytes);
  }

  async pause(queue: string): Promise<void> {
    await this.ask('pause', { queue });
  }

  async unpause(queue: string): Promise<void> {
    await this.ask('unpause', { queue });
  }

  /** Asks every server to cancel the task if it runs there. */
  async cancel(taskId: string): Promise<void> {
    await this.ask('cancel', { taskId });
  }

  async run(queue: string, taskId: string): Promise<void> {
    await this.ask('run', { queue, taskId });
  }

  async archive(queue: string, taskId: string): Promise<void> {
    await this.ask('archive', { queue, taskId });
  }

  async delete(queue: string, taskId: string): Promise<void> {
    await this.ask('delete', { queue, taskId });
  }

  /** Calls asynq's function for all tasks of a state; returns their number. */
  moveAll(op: 'runAll' | 'archiveAll' | 'deleteAll', queue: string, state: string, group?: string): Promise<number> {
    return this.ask(op, { queue, state, group });
  }

  async deleteQueue(queue: string, force: boolean): Promise<void> {
    await this.ask('deleteQueue', { queue, force });
  }

  async updatePayload(queue: string, taskId: string, payload: Uint8Array): Promise<void> {
    await this.ask('updatePayload', { queue, taskId, payload: Buffer.from(payload).toString('base64') });
  }

  groups(queue: string): Promise<{ group: string; size: number }[]> {
    return this.ask('groups', { queue });
  }

  history(queue: string, days: number): Promise<{ queue: string; day: string; processed: number; failed: number }[]> {
    return this.ask('history', { queue, days });
  }

  /** Starts a scheduler with one entry; returns the entry's id. It runs until the peer ends. */
  schedule(spec: string, task: GoTask): Promise<string> {
    return this.ask('schedule', { spec, ...encoded(task) });
  }

  /** Every scheduler's plan. */
  schedulerEntries(): Promise<GoSchedulerEntry[]> {
    return this.ask('schedulerEntries');
  }

  /** Ids of the tasks that a scheduler's entry enqueued, newest first. */
  enqueueEvents(entryId: string): Promise<string[]> {
    return this.ask('enqueueEvents', { entryId });
  }

  servers(): Promise<GoServerInfo[]> {
    return this.ask('servers');
  }

  /** Resolves once `holds` returns true; it is called now and after each attempt. Rejects when the peer ends. */
  until(holds: () => boolean): Promise<void> {
    return this.conditions.until(holds);
  }

  /** Lets a server finish as in `shutdown`, and ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.process.stdin.end();
    await this.exited;
  }

  /** SIGKILL: its tasks stay active until their leases end. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  private ask<Reply>(op: string, fields: object = {}): Promise<Reply> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.replies.set(id, { resolve: (reply) => resolve(reply as Reply), reject });
      this.process.stdin.write(`${JSON.stringify({ id, op, ...fields })}\n`);
    });
  }

  private hear(line: string): void {
    const heard = JSON.parse(line) as {
      id?: number;
      reply?: unknown;
      error?: string;
      handled?: GoHandled;
      span?: GoSpan;
    };
    if (heard.span) {
      this.spans.push(heard.span);
      return;
    }
    if (heard.handled) {
      this.handled.push(decodeBytes(heard.handled));
      this.conditions.check();
      return;
    }
    const waiter = this.replies.get(heard.id ?? 0);
    this.replies.delete(heard.id ?? 0);
    if (heard.error === undefined) waiter?.resolve(heard.reply);
    else waiter?.reject(new Error(heard.error));
  }

  private rejectAll(error: Error): void {
    for (const waiter of this.replies.values()) waiter.reject(error);
    this.replies.clear();
    this.conditions.giveUp(error);
  }
}

function targetArgs(target: GoPeerTarget): string[] {
  if ('port' in target) return ['-redis', `127.0.0.1:${target.port}`];
  return ['-cluster', target.addresses.map(({ host, port }) => `${host}:${port}`).join(',')];
}

function encoded(task: GoTask): object {
  return { ...task, payload: Buffer.from(task.payload ?? []).toString('base64') };
}

/** Go writes bytes as base64, absent ones as null. */
function decodeBytes<T extends { payload: Buffer; result?: Buffer }>(shown: T): T {
  const bytes = (base64: unknown): Buffer => Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64');
  return { ...shown, payload: bytes(shown.payload), ...('result' in shown && { result: bytes(shown.result) }) };
}
