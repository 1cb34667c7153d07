import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { OrphanCleanup } from '../../../support/orphan-cleanup.js';
import { WorkerProcess } from '../../../support/worker-process.js';
import type { Contender, ContenderClient, LoadTask } from './contender.js';

type Command = readonly [string, ...string[]];

/**
 * A contender as a program of its own, which is started with its role and its settings as JSON:
 *
 * - `worker`, with {@link ContenderWorkerOptions}: reports as `test/recovery/worker.mjs` does, each line before it goes on, and
 *   ends on SIGTERM when its handlers have.
 * - `client`, with `connection`: reads calls, `{call, op, ...arguments}` with `op` a method of {@link ContenderClient}, and
 *   answers each with `{call, reply}` or `{call, error}` when it has ended.
 */
export function contenderOf(
  command: Command,
  facts: Pick<Contender, 'name' | 'about' | 'abandonedAfterMs' | 'prepare'>,
): Contender {
  return {
    ...facts,
    startWorker: (options, onReport) =>
      WorkerProcess.run([...command, 'worker', JSON.stringify(options)] as const, onReport),
    connect: (connection) => ProgramClient.start([...command, 'client', JSON.stringify({ connection })]),
  };
}

interface Caller {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

class ProgramClient implements ContenderClient {
  private readonly callers = new Map<number, Caller>();
  private readonly cleanup: OrphanCleanup;
  private readonly exited: Promise<void>;
  private readonly ready: Promise<void>;
  private calls = 0;

  private constructor(private readonly child: ChildProcess) {
    this.cleanup = new OrphanCleanup(`kill -9 ${child.pid}`);
    this.exited = new Promise((resolve) => child.once('close', () => resolve()));
    void this.exited.then(() => {
      this.cleanup[Symbol.dispose]();
      for (const { reject } of this.callers.values()) reject(new Error('the client ended'));
    });
    child.stdin!.on('error', () => undefined); // its end tells
    const lines = createInterface(child.stdout!);
    this.ready = new Promise((resolve) => lines.once('line', () => resolve()));
    lines.on('line', (line) => this.hear(line));
  }

  static async start([file, ...args]: Command): Promise<ProgramClient> {
    const client = new ProgramClient(spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await Promise.race([client.ready, client.exited]);
    return client;
  }

  async enqueue(task: LoadTask): Promise<void> {
    await this.ask('enqueue', task);
  }

  openTasks(queue: string): Promise<number> {
    return this.ask('openTasks', { queue });
  }

  async stateOf(queue: string, id: string): Promise<string | undefined> {
    return (await this.ask<string | null | undefined>('stateOf', { queue, id })) ?? undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  private ask<Reply>(op: string, args: object): Promise<Reply> {
    const call = ++this.calls;
    return new Promise((resolve, reject) => {
      this.callers.set(call, { resolve: (reply) => resolve(reply as Reply), reject });
      this.child.stdin!.write(`${JSON.stringify({ call, op, ...args })}\n`);
    });
  }

  private hear(line: string): void {
    const { call = 0, reply, error } = JSON.parse(line) as { call?: number; reply?: unknown; error?: string };
    const caller = this.callers.get(call);
    this.callers.delete(call);
    if (error === undefined) caller?.resolve(reply);
    else caller?.reject(new Error(error));
  }
}
