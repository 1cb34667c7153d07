import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type INestApplication, Injectable, type LoggerService } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { type DashboardAction, AsynqDashboardModule, type DashboardModuleOptions } from '@nestjs-asynq/dashboard';
import { IsArray, IsBoolean, IsEmail, IsIn, IsInt, IsOptional, IsString, Min } from 'class-validator';
import {
  AsynqModule,
  type AsynqModuleOptions,
  Ctx,
  Payload,
  PeriodicTask,
  TaskDistributor,
  TaskHandler,
  TaskInspector,
  type TaskContext,
} from 'nestjs-asynq';
import { HOSTILE } from './hostile.js';

export const ADAPTERS = ['express', 'fastify'] as const;
export type Adapter = (typeof ADAPTERS)[number];

class Welcome {
  @IsInt() @Min(1) memberId!: number;
  @IsEmail() to!: string;
  @IsOptional() @IsIn(['welcome', 'trial']) template?: string;
  @IsOptional() @IsArray() @IsString({ each: true }) tags?: string[];
  @IsOptional() @IsBoolean() urgent?: boolean;
}

@PeriodicTask('0 3 * * *', 'report:nightly', { kind: 'daily' }, { queue: 'reports', name: 'nightly-report' })
@Injectable()
class SampleTasks {
  @TaskHandler('email:welcome')
  welcome(@Payload() { to }: Welcome) {
    return { sent: true, to };
  }

  @TaskHandler('email:broken')
  fail(): never {
    throw new Error('connect ECONNREFUSED 10.0.3.17:587\nthe mail server is away');
  }

  @TaskHandler('hostile:fail')
  failHostile(): never {
    throw new Error(HOSTILE.error);
  }

  @TaskHandler('hostile:done')
  endHostile() {
    return { note: HOSTILE.result };
  }

  /** Runs until it is told to stop. */
  @TaskHandler('report:long')
  async runLong(@Ctx() task: TaskContext) {
    task.progress(0.42, 'rendering');
    await new Promise((_, reject) => {
      task.signal.addEventListener('abort', () => reject(task.signal.reason as Error));
    });
  }

  @TaskHandler('report:nightly')
  nightly() {}
}

export interface AppOptions {
  readonly connection: AsynqModuleOptions['connection'];
  /** Beside the default one, by their names. */
  readonly others?: Readonly<Record<string, AsynqModuleOptions['connection']>>;
  /** Queue name to number of partitions. */
  readonly partitions?: Readonly<Record<string, number>>;
  readonly adapter?: Adapter;
  /** Default `/monitoring`. */
  readonly path?: string;
  readonly dashboard?: DashboardModuleOptions;
  readonly prepare?: (app: INestApplication) => void;
  /** Default: no queues are served. */
  readonly queues?: Readonly<Record<string, number>>;
}

export interface DashboardApp extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly origin: string;
  readonly inspector: TaskInspector;
  readonly tasks: TaskDistributor;
  readonly actions: readonly DashboardAction[];
}

/** An app with workers and a dashboard, which listens. */
export async function startDashboardApp(options: AppOptions): Promise<DashboardApp> {
  const { connection, others = {}, partitions, adapter = 'express', path = '/monitoring' } = options;
  const { dashboard, prepare, queues } = options;
  const actions: DashboardAction[] = [];
  const module = await Test.createTestingModule({
    imports: [
      AsynqDashboardModule.forRoot({
        path,
        access: 'public',
        environment: { name: 'staging', color: 'amber' },
        onAction: (action) => actions.push(action),
        ...dashboard,
      }),
      AsynqModule.forRoot({
        connection,
        ...(partitions && { partitions }),
        concurrency: 10,
        retryDelay: () => 3_600_000,
        queues: queues ?? { unused: 1 },
        worker: queues !== undefined,
      }),
      ...Object.entries(others).map(([name, other]) => AsynqModule.forRoot({ name, connection: other, worker: false })),
    ],
    providers: [SampleTasks],
  })
    .setLogger(QUIET)
    .compile();
  const app =
    adapter === 'fastify' ? module.createNestApplication(new FastifyAdapter()) : module.createNestApplication();
  prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  return {
    origin: `http://127.0.0.1:${port}`,
    inspector: app.get(TaskInspector),
    tasks: app.get(TaskDistributor),
    actions,
    [Symbol.asyncDispose]: () => app.close(),
  };
}

/** Failures of handlers are what these tests look at; the log repeats them. */
const QUIET: LoggerService = { log() {}, warn() {}, error() {} };

/** Whether a server answers at an address, for waits. */
export function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    httpRequest(url, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .on('error', () => resolve(false))
      .end();
  });
}
