import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { INestApplication, LoggerService, ModuleMetadata } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModule } from '@nestjs/testing';
import { AsynqModule, type AsynqModuleOptions, TaskDistributor, TaskInspector } from 'nestjs-asynq';
import { vi } from 'vitest';
import { Assets } from './http/assets.js';
import {
  AsynqDashboardModule,
  type DashboardAction,
  type DashboardModuleOptions,
  type DashboardMount,
} from './index.js';

export const ADAPTERS = ['express', 'fastify'] as const;
export type Adapter = (typeof ADAPTERS)[number];

export interface TestAppOptions extends ModuleMetadata {
  readonly adapter?: Adapter;
  readonly dashboard?: DashboardMount & DashboardModuleOptions;
  readonly asynq?: Partial<AsynqModuleOptions>;
  /** Before initialization: prefixes, versions, pipes. */
  readonly prepare?: (app: INestApplication) => void | Promise<void>;
  readonly log?: LoggerService;
  /** Creates the app without a function for access. */
  readonly unguarded?: boolean;
}

/** An answer, with its body as text and, where it is JSON, parsed. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests compare it
  readonly body: any;
}

export interface TestDashboard extends AsyncDisposable {
  readonly app: INestApplication;
  /** Of the server, without a slash at the end. */
  readonly origin: string;
  readonly inspector: TaskInspector;
  readonly tasks: TaskDistributor;
  /** All actions so far. */
  readonly actions: DashboardAction[];
  get(path: string, headers?: Record<string, string>): Promise<TestAnswer>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<TestAnswer>;
}

/** Discards everything. */
export const NO_LOG: LoggerService = { log() {}, error() {}, warn() {}, debug() {} };

const testAssets = readTestAssets();

/** A page and a file, in the place of the built ones. */
export function useTestAssets(): void {
  vi.spyOn(Assets, 'read').mockReturnValue(testAssets);
}

function readTestAssets(): Assets {
  const folder = mkdtempSync(join(tmpdir(), 'asynq-dashboard-'));
  try {
    mkdirSync(join(folder, 'assets'));
    writeFileSync(join(folder, 'index.html'), '<!doctype html><head><!--config--></head><div id="root"></div>');
    writeFileSync(join(folder, 'icon.svg'), '<svg/>');
    writeFileSync(join(folder, 'assets/main-abc.js'), 'console.log(1)');
    writeFileSync(join(folder, 'assets/main-abc.js.gz'), gzipSync('console.log(1)'));
    return Assets.read(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** An app with queues in memory and a dashboard at `/monitoring`, which listens. */
export async function startTestApp({
  adapter = 'express',
  dashboard = {},
  asynq,
  prepare,
  log = NO_LOG,
  unguarded = false,
  ...metadata
}: TestAppOptions = {}): Promise<TestDashboard> {
  const actions: DashboardAction[] = [];
  const access = unguarded ? {} : { access: () => 'admin' as const };
  const module: TestingModule = await Test.createTestingModule({
    ...metadata,
    imports: [
      ...(metadata.imports ?? []),
      AsynqDashboardModule.forRoot({ ...access, onAction: (action) => void actions.push(action), ...dashboard }),
      AsynqModule.forRoot({ connection: { memory: randomUUID() }, ...asynq }),
    ],
  })
    .setLogger(log)
    .compile();
  const app =
    adapter === 'fastify' ? module.createNestApplication(new FastifyAdapter()) : module.createNestApplication();
  await prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const origin = await app.getUrl();
  return {
    app,
    origin,
    inspector: app.get(TaskInspector, { strict: false }),
    tasks: app.get(TaskDistributor, { strict: false }),
    actions,
    get: (path, headers = {}) => send(origin + path, { headers, redirect: 'manual' }),
    post: (path, body, headers = {}) =>
      send(origin + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-asynq': '1', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        redirect: 'manual',
      }),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

export async function send(url: string, init: RequestInit): Promise<TestAnswer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('application/json');
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
}

/** A request exactly as given: `fetch` changes hosts, paths and some headers. */
export function sendRaw(
  origin: string,
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ readonly status: number; readonly headers: Record<string, unknown>; readonly text: string }> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, path, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    request.on('error', reject).end(body);
  });
}
