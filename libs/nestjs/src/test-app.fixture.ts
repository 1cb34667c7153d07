import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import type { INestApplicationContext, LoggerService, ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import type { TaskEvent, TaskOptions } from '@nestjs-asynq/core';
import { filter, firstValueFrom, ReplaySubject } from 'rxjs';
import { AsynqModule, type AsynqModuleOptions, TaskDistributor, TaskEvents } from './index.js';

/** An app with its own queues in memory, closed by `await using`. */
export interface TestApp extends AsyncDisposable {
  readonly context: INestApplicationContext;
  readonly tasks: TaskDistributor;
  readonly events: TaskEvents;
  /** Enqueues a task and waits until its first attempt has ended. */
  run(type: string, payload?: unknown, options?: TaskOptions): Promise<EndEvent>;
}

export type EndEvent = Extract<TaskEvent, { kind: 'succeeded' | 'retried' | 'archived' | 'revoked' }>;

export interface TestAppMetadata extends ModuleMetadata {
  readonly asynq?: Partial<AsynqModuleOptions>;
  /** Before initialization: global pipes and the like. */
  readonly prepare?: (context: TestingModule) => void;
  /** Receives the log lines of Nest and the module. */
  readonly log?: LoggerService;
}

/** Collects log lines, as text. */
export class RecordingLog implements LoggerService {
  readonly lines: string[] = [];

  readonly log = (...parts: unknown[]): void => this.keep('log', parts);
  readonly error = (...parts: unknown[]): void => this.keep('error', parts);
  readonly warn = (...parts: unknown[]): void => this.keep('warn', parts);
  readonly debug = (...parts: unknown[]): void => this.keep('debug', parts);

  private keep(level: string, parts: readonly unknown[]): void {
    this.lines.push([level, ...parts.map((part) => (typeof part === 'string' ? part : inspect(part)))].join(' '));
  }
}

/** Compiles and initializes a Nest app with these providers and a default connection. */
export async function startApp({
  asynq,
  prepare,
  log = new RecordingLog(),
  ...metadata
}: TestAppMetadata): Promise<TestApp> {
  const own = AsynqModule.forRoot({ connection: { memory: randomUUID() }, concurrency: 4, ...asynq });
  const module = await Test.createTestingModule({ ...metadata, imports: [...(metadata.imports ?? []), own] })
    .setLogger(log)
    .compile();
  prepare?.(module);
  await module.init();
  return wrapApp(module);
}

/** The same interface for an app that a test builds itself. */
export function wrapApp(context: INestApplicationContext): TestApp {
  const tasks = context.get(TaskDistributor);
  const events = context.get(TaskEvents);
  const ends = new ReplaySubject<EndEvent>();
  events.pipe(filter(isEnd)).subscribe(ends);
  return {
    context,
    tasks,
    events,
    async run(type, payload, options) {
      const { id } = await tasks.enqueue(type, payload, options);
      return firstValueFrom(ends.pipe(filter((event) => event.id === id)));
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** The text of an ended task's error. */
export function errorText(event: EndEvent): string {
  return 'error' in event && event.error instanceof Error ? event.error.message : '';
}

function isEnd(event: TaskEvent): event is EndEvent {
  return ['succeeded', 'retried', 'archived', 'revoked'].includes(event.kind);
}

/** A promise that a test fulfills, for a handler or for the test to wait for. */
export class Moment<Value = void> {
  readonly promise: Promise<Value>;
  resolve!: (value: Value) => void;

  constructor() {
    this.promise = new Promise((resolve) => (this.resolve = resolve));
  }
}
