import { randomUUID } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Injectable, type INestApplication, type Type } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { Counter, register as sharedRegistry, Registry } from 'prom-client';
import { map } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  AsynqModule,
  type AsynqModuleOptions,
  getTaskDistributorToken,
  type TaskDistributor,
  TaskHandler,
} from '../index.js';
import { RecordingLog } from '../test-app.fixture.js';
import { AsynqMetricsModule, type MetricsModuleOptions, type MetricsMount, UnguardedMetricsError } from './index.js';

@Injectable()
class MailTasks {
  @TaskHandler('mail:send')
  send(): void {}
}

@Injectable()
class BillTasks {
  @TaskHandler('bill:send', { connection: 'billing' })
  send(): void {}
}

class Scraper implements CanActivate {
  canActivate = (context: ExecutionContext): boolean => {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined> }>();
    return headers['x-scraper'] === 'prometheus';
  };
}

let app: INestApplication | undefined;
let registry: Registry;

interface Setup {
  readonly metrics?: MetricsMount & MetricsModuleOptions;
  readonly asynq?: readonly (Partial<AsynqModuleOptions> & { readonly name?: string })[];
  readonly fastify?: boolean;
  readonly imports?: readonly Type[];
  readonly prepare?: (app: INestApplication) => void;
}

/** An app that listens, with a registry of its own. */
async function start({ metrics, asynq = [{}], fastify = false, imports = [], prepare }: Setup = {}): Promise<void> {
  registry = new Registry();
  const connections = asynq.map((options) => AsynqModule.forRoot({ connection: { memory: randomUUID() }, ...options }));
  const module = await Test.createTestingModule({
    imports: [...imports, AsynqMetricsModule.forRoot({ registry, path: '/metrics', ...metrics }), ...connections],
    providers: [MailTasks, ...(asynq.some(({ name }) => name === 'billing') ? [BillTasks] : [])],
  })
    .setLogger(new RecordingLog())
    .compile();
  app = fastify ? module.createNestApplication(new FastifyAdapter()) : module.createNestApplication();
  prepare?.(app);
  await app.listen(0, '127.0.0.1');
}

async function get(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; type: string | null }> {
  const response = await fetch(`${await app!.getUrl()}${path}`, { headers });
  return { status: response.status, text: await response.text(), type: response.headers.get('content-type') };
}

/** Handles a task, and returns what the registry has then. */
async function afterTask(type = 'mail:send', connection?: string, queue = 'default'): Promise<string[]> {
  await app!.get<TaskDistributor>(getTaskDistributorToken(connection)).enqueue(type, undefined, { queue });
  await expect.poll(() => registry.metrics()).toContain(`type="${type}",outcome="success"`);
  return (await registry.metrics()).split('\n');
}

afterEach(async () => {
  await app?.close();
  app = undefined;
});

describe.each([
  ['Express', false],
  ['Fastify', true],
])('under %s', (_name, fastify) => {
  it('the app serves the metrics of its queues and tasks, whatever it does to its own answers', async () => {
    await start({
      fastify,
      metrics: { guards: [Scraper] },
      prepare: (created) => {
        created.setGlobalPrefix('api');
        created.enableVersioning();
        created.useGlobalInterceptors({
          intercept: (_context, next) => next.handle().pipe(map((data: unknown) => ({ data }))),
        });
      },
    });
    const lines = await afterTask();

    const denied = await get('/api/metrics');
    const { status, text, type } = await get('/api/metrics', { 'x-scraper': 'prometheus' });

    expect(lines).toContain('asynq_queue_size{queue="default"} 0');
    expect([denied.status, status, type]).toEqual([403, 200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toContain('asynq_task_run_seconds_count{queue="default",type="mail:send",outcome="success"} 1');
    expect(text).toContain('asynq_task_wait_seconds_count{queue="default",type="mail:send"} 1');
    expect(text).toContain('asynq_servers{queue="default"} 1');
  });
});

it('serves nothing without a path, and leaves that to the app', async () => {
  await start({ metrics: { path: undefined } });

  expect((await get('/metrics')).status).toBe(404);
  expect(await registry.metrics()).toContain('asynq_workers_limit');
});

it('measures all connections, with a label for each', async () => {
  await start({ asynq: [{}, { name: 'billing', queues: { bills: 1 } }] });

  expect(await afterTask('bill:send', 'billing', 'bills')).toEqual(
    expect.arrayContaining([
      'asynq_queue_size{connection="billing",queue="bills"} 0',
      'asynq_task_run_seconds_count{connection="billing",queue="bills",type="bill:send",outcome="success"} 1',
    ]),
  );
});

it('measures a named connection alone without a label', async () => {
  await start({ metrics: { connections: ['billing'] }, asynq: [{}, { name: 'billing', queues: { bills: 1 } }] });

  expect(await afterTask('bill:send', 'billing', 'bills')).toContain('asynq_queue_size{queue="bills"} 0');
});

it('leaves the queues to another process with queues: false', async () => {
  await start({ metrics: { queues: false } });

  const text = await registry.metrics();

  expect([text.includes('asynq_queue_size'), text.includes('asynq_workers_limit')]).toEqual([false, true]);
});

it('works with @willsoto/nestjs-prometheus, which serves the shared registry', async () => {
  const own = new Counter({ name: 'own_total', help: 'Of the app.' });
  await start({
    metrics: { path: undefined, registry: undefined },
    imports: [
      PrometheusModule.register({ path: '/prometheus', defaultMetrics: { enabled: false } }) as unknown as Type,
    ],
  });

  const { text } = await get('/prometheus');
  await app!.close();
  app = undefined;
  const after = sharedRegistry.getMetricsAsArray().map(({ name }) => name);
  sharedRegistry.clear();

  expect(own).toBeDefined();
  expect(text).toContain('own_total 0');
  expect(text).toContain('asynq_scrape_success 1');
  expect(after).toEqual(['own_total']);
});

it('is made by a factory, too', async () => {
  registry = new Registry();
  const module = await Test.createTestingModule({
    imports: [
      AsynqMetricsModule.forRootAsync({ useFactory: async () => ({ registry, maxTypes: 3 }) }),
      AsynqModule.forRoot({ connection: { memory: randomUUID() } }),
    ],
  })
    .setLogger(new RecordingLog())
    .compile();
  await module.init();

  expect(await registry.metrics()).toContain('asynq_scrape_success');
  await module.close();
});

describe('an app that serves metrics without guards', () => {
  const before = process.env['NODE_ENV'];
  afterEach(() => void (process.env['NODE_ENV'] = before));

  it('does not start in production, unless they are public by intent', async () => {
    process.env['NODE_ENV'] = 'production';

    await expect(start()).rejects.toThrow(UnguardedMetricsError);
    await start({ metrics: { access: 'public' } });
    expect((await get('/metrics')).status).toBe(200);
  });

  it('starts in development', async () => {
    process.env['NODE_ENV'] = 'development';
    await start();

    expect((await get('/metrics')).status).toBe(200);
  });
});

it.each([
  [{ pth: '/x' }, 'pth'],
  [{ path: '/a?b' }, 'path'],
  [{ guards: 5 }, 'guards'],
  [{ registry: {} }, 'registry'],
  [{ connections: ['none'] }, 'connections'],
  [{ access: 'private' }, 'access'],
  [{ maxTypes: 0 }, 'maxTypes'],
  [{ queues: { cache: '1s' } }, 'queues.cache'],
  [{ queues: { cacheFor: 'soon' } }, 'cacheFor'],
])('refuses %j', async (options, name) => {
  await expect(async () => start({ metrics: options as object })).rejects.toThrow(`"${name}"`);
});
