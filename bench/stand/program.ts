import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Conditions } from '../../test/support/conditions.js';
import { OrphanCleanup } from '../../test/support/orphan-cleanup.js';
import type {
  AppPlace,
  AppTimes,
  Line,
  Load,
  Mark,
  Produced,
  Report,
  Request,
  Service,
  Usage,
} from '../program/protocol.js';
import { residentBytes } from './processor-time.js';

const LOG_CHARS_SHOWN = 2_000;

interface Asked {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A program of a contender in its own process, driven by the protocol in `program/protocol.ts`. */
export class Program implements AsyncDisposable {
  private readonly dir = mkdtempSync(join(tmpdir(), 'nestjs-asynq-bench-'));
  private readonly child: ChildProcess;
  private readonly exited: Promise<unknown>;
  private readonly cleanup: OrphanCleanup;
  private readonly asked: Asked[] = [];
  private readonly marks = new Map<number, Mark>();
  private readonly conditions = new Conditions();
  private ending: Promise<void> | undefined;

  constructor(command: readonly string[]) {
    const log = openSync(this.logFile, 'w');
    this.child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', log, log, 'pipe'] });
    closeSync(log);
    this.cleanup = new OrphanCleanup(`kill -9 ${this.child.pid}; rm -rf '${this.dir}'`);
    this.exited = once(this.child, 'exit').then(([code, signal]) => this.giveUp(`ended with ${code ?? signal}`));
    createInterface(this.child.stdio[3] as Readable).on('line', (line) => this.hear(JSON.parse(line) as Line));
  }

  produce(load: Load): Promise<Produced> {
    return this.ask({ op: 'produce', load });
  }

  /** Resolves when the worker is ready for tasks. */
  async serve(service: Service): Promise<void> {
    await this.ask({ op: 'serve', service });
  }

  /** The requested mark of the worker. */
  async reached(handled: number): Promise<Mark> {
    await this.conditions.until(() => this.marks.has(handled));
    return this.marks.get(handled)!;
  }

  report(): Promise<Report> {
    return this.ask({ op: 'report' });
  }

  usage(): Promise<Usage> {
    return this.ask({ op: 'usage' });
  }

  live(place: AppPlace): Promise<AppTimes> {
    return this.ask({ op: 'app', place });
  }

  residentBytes(): number {
    return residentBytes(this.child.pid!);
  }

  /** Shuts it down; returns the measurements of a worker. */
  stop(): Promise<Report> {
    return this.ask({ op: 'stop' });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.ending ??= this.end());
  }

  private async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
    this.cleanup[Symbol.dispose]();
    rmSync(this.dir, { recursive: true });
  }

  private get logFile(): string {
    return join(this.dir, 'log');
  }

  private ask<Reply>(request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.asked.push({ resolve: (reply) => resolve(reply as Reply), reject });
      this.child.stdin!.write(`${JSON.stringify(request)}\n`);
    });
  }

  private hear(line: Line): void {
    if ('mark' in line) {
      this.marks.set(line.mark.handled, line.mark);
      this.conditions.check();
    } else if (line.error === undefined) {
      this.asked.shift()!.resolve(line.reply);
    } else {
      this.asked.shift()!.reject(this.problem(line.error));
    }
  }

  private giveUp(reason: string): void {
    const error = this.problem(reason);
    this.conditions.giveUp(error);
    for (const { reject } of this.asked.splice(0)) reject(error);
  }

  private problem(reason: string): Error {
    const log = readFileSync(this.logFile, 'utf8').slice(-LOG_CHARS_SHOWN);
    return new Error(`${this.child.spawnargs.join(' ')}: ${reason}\n${log}`);
  }
}
