import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ServerOptions } from '@nestjs-asynq/core';
import { Conditions } from './conditions.js';
import { OrphanCleanup } from './orphan-cleanup.js';

/** What a worker reports; see `test/recovery/worker.mjs`. */
export interface WorkerReport {
  readonly kind:
    | 'ready'
    | 'started'
    | 'aggregating'
    | 'ended' // the handler returned
    | 'failed' // the handler threw
    | 'succeeded' // the outcome is stored
    | 'requeued'
    | 'shutdown'
    | 'cpu'
    | 'warn'
    | 'error';
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
  /** How far the clock that its program reads is ahead. */
  readonly clockSkewMs?: number | undefined;
  /** How many ms more that clock gains in each ms. */
  readonly clockGain?: number | undefined;
  /** Cron spec of a task `quick` that it enqueues, as every worker with this habit would. */
  readonly ticks?: string;
}

/** A server in a process of its own. */
export class WorkerProcess implements AsyncDisposable {
  readonly reports: WorkerReport[] = [];
  private readonly conditions = new Conditions();
  private readonly exited: Promise<number | null>;
  private readonly cleanup: OrphanCleanup;

  private constructor(
    private readonly child: ChildProcess,
    onReport: (report: WorkerReport) => void,
  ) {
    this.cleanup = new OrphanCleanup(`kill -9 ${child.pid}`);
    this.exited = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    void this.exited.then((code) => {
      this.cleanup[Symbol.dispose]();
      this.conditions.giveUp(new Error(`the worker ended with ${code}`));
    });
    createInterface(child.stdout!).on('line', (line) => {
      const report = JSON.parse(line) as WorkerReport;
      this.reports.push(report);
      onReport(report);
      this.conditions.check();
    });
  }

  /** Resolves when the worker's server runs. */
  static start(
    server: WorkerOptions,
    { hangAt, clockSkewMs = 0, clockGain = 0, ticks }: WorkerHabits = {},
    onReport: (report: WorkerReport) => void = () => undefined,
  ): Promise<WorkerProcess> {
    const script = fileURLToPath(new URL('../recovery/worker.mjs', import.meta.url));
    const clock = new URL('../recovery/skewed-clock.mjs', import.meta.url).href;
    const preload = clockSkewMs === 0 ? [] : ['--import', clock];
    const settings = JSON.stringify({ server, hangAt, ticks });
    const env = { CLOCK_SKEW_MS: String(clockSkewMs), CLOCK_GAIN: String(clockGain) };
    return WorkerProcess.run([process.execPath, ...preload, script, settings], onReport, env);
  }

  /** Starts a program that reports as `test/recovery/worker.mjs` does. Resolves when it is ready. */
  static async run(
    [file, ...args]: readonly [string, ...string[]],
    onReport: (report: WorkerReport) => void,
    env: Readonly<Record<string, string>> = {},
  ): Promise<WorkerProcess> {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
    const worker = new WorkerProcess(child, onReport);
    await worker.until((reports) => reports.some(({ kind }) => kind === 'ready'));
    return worker;
  }

  /** Resolves when the process is gone. */
  async gone(): Promise<void> {
    await this.exited;
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

  /** SIGSTOP: it runs no code, and its connections stay. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  /** SIGCONT. */
  thaw(): void {
    this.child.kill('SIGCONT');
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
