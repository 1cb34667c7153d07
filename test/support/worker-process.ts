import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ServerOptions } from '@nestjs-asynq/core';
import { Conditions } from './conditions.js';
import { OrphanCleanup } from './orphan-cleanup.js';

/** What a worker reports; see `test/recovery/worker.mjs`. */
export interface WorkerReport {
  readonly kind: 'ready' | 'started' | 'aggregating' | 'ended' | 'requeued' | 'shutdown' | 'cpu' | 'error';
  /** Of a task, or of `aggregating` the name of the group. */
  readonly id?: string;
  readonly retried?: number;
  readonly atMs?: number;
  /** Of `cpu`: microseconds of processor time since the start. */
  readonly user?: number;
  readonly system?: number;
}

/** Options of a server that can be written down as JSON. */
export type WorkerOptions = Omit<ServerOptions, 'connection'> & { readonly connection: object };

/** How a worker behaves. */
export interface WorkerHabits {
  /** From which call on, counted from 1, its function for groups never answers. */
  readonly hangAt?: number;
}

/** A server in a process of its own. */
export class WorkerProcess implements AsyncDisposable {
  readonly reports: WorkerReport[] = [];
  private readonly conditions = new Conditions();
  private readonly exited: Promise<number | null>;
  private readonly cleanup: OrphanCleanup;

  private constructor(private readonly child: ChildProcess) {
    this.cleanup = new OrphanCleanup(`kill -9 ${child.pid}`);
    this.exited = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    void this.exited.then((code) => {
      this.cleanup[Symbol.dispose]();
      this.conditions.giveUp(new Error(`the worker ended with ${code}`));
    });
    createInterface(child.stdout!).on('line', (line) => {
      this.reports.push(JSON.parse(line) as WorkerReport);
      this.conditions.check();
    });
  }

  /** Resolves when the worker's server runs. */
  static async start(server: WorkerOptions, { hangAt }: WorkerHabits = {}): Promise<WorkerProcess> {
    const script = fileURLToPath(new URL('../recovery/worker.mjs', import.meta.url));
    const child = spawn(process.execPath, [script, JSON.stringify({ server, hangAt })], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const worker = new WorkerProcess(child);
    await worker.until((reports) => reports.some(({ kind }) => kind === 'ready'));
    return worker;
  }

  get pid(): number {
    return this.child.pid!;
  }

  until(holds: (reports: readonly WorkerReport[]) => boolean): Promise<void> {
    return this.conditions.until(() => holds(this.reports));
  }

  /** Ids of tasks whose handler was called, once per call. */
  started(): string[] {
    return this.reports.flatMap(({ kind, id }) => (kind === 'started' && id ? [id] : []));
  }

  ended(): string[] {
    return this.reports.flatMap(({ kind, id }) => (kind === 'ended' && id ? [id] : []));
  }

  /** Processor time so far, in ms, and when it was taken. */
  async processorTime(): Promise<{ usedMs: number; atMs: number }> {
    const taken = this.reports.filter(({ kind }) => kind === 'cpu').length;
    this.child.stdin!.write('\n');
    await this.until((reports) => reports.filter(({ kind }) => kind === 'cpu').length > taken);
    const { user, system, atMs } = this.reports.findLast(({ kind }) => kind === 'cpu')!;
    return { usedMs: (user! + system!) / 1000, atMs: atMs! };
  }

  /** SIGKILL: no handler, no clean-up. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** SIGTERM; resolves to the exit code. */
  async terminate(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
