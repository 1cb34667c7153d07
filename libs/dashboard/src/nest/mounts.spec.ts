import { randomUUID } from 'node:crypto';
import {
  type CallHandler,
  ClassSerializerInterceptor,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Module,
  type NestInterceptor,
  ValidationPipe,
  VersioningType,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import fastifyHelmet from '@fastify/helmet';
import helmet from 'helmet';
import { map, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AsynqModule, getTaskDistributorToken, type TaskDistributor } from 'nestjs-asynq';
import { PAGES } from '../api/routes.js';
import { AsynqDashboardModule } from '../index.js';
import { type Adapter, ADAPTERS, startTestApp, type TestDashboard, useTestAssets } from '../test-dashboard.fixture.js';

const SETTINGS = { provide: 'settings', useValue: { readOnly: true } };

@Module({ providers: [SETTINGS], exports: ['settings'] })
class SettingsModule {
  readonly name = 'settings';
}

let dash: TestDashboard | undefined;

beforeEach(() => useTestAssets());
afterEach(async () => {
  await dash?.app.close();
  dash = undefined;
});

/** As many apps have one: every answer in an envelope. */
class EnvelopeInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

/** What apps do to all of their answers. */
async function dressUp(app: INestApplication, adapter: Adapter): Promise<void> {
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
  app.useGlobalInterceptors(new EnvelopeInterceptor(), new ClassSerializerInterceptor(app.get(Reflector)));
  app.enableCors({ origin: true, credentials: true });
  if (adapter === 'express') app.use(helmet());
  else await (app as NestFastifyApplication).register(fastifyHelmet);
}

const MOUNTS: readonly (readonly [title: string, path: string | undefined, prefix: string, mount: string])[] = [
  ['the default path', undefined, '', '/monitoring'],
  ['a path of two segments', 'ops/queues/', '', '/ops/queues'],
  ['the root', '', '', ''],
  ['a global prefix', '/monitoring', 'api/v2', '/api/v2/monitoring'],
];

describe.each(ADAPTERS)('under %s', (adapter) => {
  describe.each(MOUNTS)('at %s', (_title, path, prefix, mount) => {
    beforeEach(async () => {
      dash = await startTestApp({
        adapter,
        dashboard: path === undefined ? {} : { path },
        prepare: async (app) => {
          if (prefix) app.setGlobalPrefix(prefix);
          app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
          await dressUp(app, adapter);
        },
      });
    });

    it('serves the page at each of its addresses, with a base that fits', async () => {
      const pages = PAGES.map((page) => `${mount}/${page}`);
      const answers = await Promise.all(pages.map((page) => dash!.get(page)));

      expect(answers.map(({ status }) => status)).toEqual(pages.map(() => 200));
      for (const { text, headers } of answers) {
        expect(text).toContain('<head><base href="./"><script type="application/json" id="config">{"version":');
        expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
      }
    });

    it('sends the strict policy in place of that of the app, and no permission for other sites', async () => {
      const page = await dash!.get(`${mount}/`, { origin: 'https://other.example' });
      const api = await dash!.get(`${mount}/api/session`);

      expect(page.headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
          "connect-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
      );
      expect(page.headers.get('access-control-allow-origin')).toBeNull();
      expect(page.headers.get('access-control-allow-credentials')).toBeNull();
      expect(page.headers.get('x-content-type-options')).toBe('nosniff');
      expect(page.headers.get('referrer-policy')).toBe('same-origin');
      expect(page.headers.get('cache-control')).toBe('no-store');
      expect(api.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
    });

    it('answers the API as it is, whatever the app does to its own answers', async () => {
      const session = await dash!.get(`${mount}/api/session`);
      const paused = await dash!.post(`${mount}/api/queue/pause`, { queue: 'any', unknown: 1 });

      expect(session.body).toEqual({ right: 'admin', readOnly: false, nowMs: expect.any(Number) });
      expect([paused.status, paused.body]).toEqual([200, { changed: true, unknown: true }]);
    });

    it('serves files by their names, packed if the browser can unpack them', async () => {
      const packed = await dash!.get(`${mount}/assets/main-abc.js`, { 'accept-encoding': 'gzip, br' });
      const plain = await dash!.get(`${mount}/assets/main-abc.js`, { 'accept-encoding': 'identity' });
      const icon = await dash!.get(`${mount}/icon.svg`);

      expect([packed.status, packed.headers.get('content-encoding'), packed.text]).toEqual([
        200,
        'gzip',
        'console.log(1)',
      ]);
      expect([plain.headers.get('content-encoding'), plain.text]).toEqual([null, 'console.log(1)']);
      expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(plain.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
      expect(icon.headers.get('content-type')).toBe('image/svg+xml');
    });

    it('leads from the address without the slash to the one with it, relative to the browser', async () => {
      if (mount === '') return;
      const { status, headers } = await dash!.get(`${mount}?a=1`);

      expect([status, headers.get('location')]).toEqual([302, `./${mount.split('/').at(-1)}/?a=1`]);
    });
  });
});

describe('a mount at the root', () => {
  @Controller()
  class OwnController {
    @Get('health')
    health(): string {
      return 'fine';
    }
  }

  it.each(ADAPTERS)('leaves the routes of the app alone under %s', async (adapter) => {
    dash = await startTestApp({ adapter, dashboard: { path: '' }, controllers: [OwnController] });

    expect((await dash.get('/health')).text).toBe('fine');
    expect((await dash.get('/nothing')).status).toBe(404);
  });
});

describe('options of a factory', () => {
  it.each(ADAPTERS)('hold under %s', async (adapter) => {
    dash = await startTestApp({
      adapter,
      dashboard: { path: '/unused' },
      imports: [
        AsynqDashboardModule.forRootAsync({
          path: '/ops',
          inject: ['settings'],
          imports: [SettingsModule],
          useFactory: async (settings: { readOnly: boolean }) => ({ ...settings, access: () => 'admin' as const }),
        }),
      ],
    });

    expect((await dash.get('/ops/api/session')).body).toMatchObject({ right: 'view', readOnly: true });
    expect((await dash.get('/ops/')).text).toContain('"readOnly":true');
  });

  it('are read when the app starts, and a wrong one is refused then', async () => {
    const imports = [AsynqDashboardModule.forRootAsync({ useFactory: () => ({ redact: [''] }) })];

    await expect(startTestApp({ imports, dashboard: { path: '/unused' } })).rejects.toThrow('option "redact"');
  });
});

describe('several connections', () => {
  const billing = () => AsynqModule.forRoot({ name: 'billing', connection: { memory: randomUUID() } });

  it('are in one dashboard, each by its name', async () => {
    dash = await startTestApp({ imports: [billing()], dashboard: { connections: ['default', 'billing'] } });
    const tasks = dash.app.get<TaskDistributor>(getTaskDistributorToken('billing'), { strict: false });
    await tasks.enqueue('charge', {}, { queue: 'invoices' });

    const namesIn = async (query: string) =>
      (await dash!.get(`/monitoring/api/queues${query}`)).body.queues.map(({ queue }: { queue: string }) => queue);
    const page = await dash.get('/monitoring/');
    const paused = await dash.post('/monitoring/api/queue/pause', { connection: 'billing', queue: 'invoices' });

    expect(page.text).toContain('"connections":["default","billing"]');
    expect([await namesIn(''), await namesIn('?connection=billing')]).toEqual([[], ['invoices']]);
    expect(paused.body).toEqual({ changed: true });
    expect(dash.actions).toMatchObject([{ connection: 'billing', queues: ['invoices'] }]);
  });

  it('are only those that are named', async () => {
    dash = await startTestApp({ imports: [billing()], dashboard: { connections: ['billing'] } });

    expect((await dash.get('/monitoring/')).text).toContain('"connections":["billing"]');
    expect((await dash.get('/monitoring/api/session?connection=default')).status).toBe(400);
  });
});

describe('an app without guards', () => {
  const before = process.env['NODE_ENV'];
  afterEach(() => void (process.env['NODE_ENV'] = before));

  it.each(['production', 'staging', ''])('does not start in NODE_ENV=%s', async (environment) => {
    process.env['NODE_ENV'] = environment;

    await expect(startTestApp({ unguarded: true })).rejects.toMatchObject({ code: 'UNGUARDED_DASHBOARD' });
  });

  it('starts in development, and when it is public by intent', async () => {
    process.env['NODE_ENV'] = 'development';
    const developed = await startTestApp({ unguarded: true });
    process.env['NODE_ENV'] = 'production';
    const opened = await startTestApp({ unguarded: true, dashboard: { access: 'public' } });

    expect((await developed.get('/monitoring/api/session')).status).toBe(200);
    expect((await opened.get('/monitoring/api/session')).status).toBe(200);
    await Promise.all([developed.app.close(), opened.app.close()]);
  });
});

describe('options', () => {
  it.each([
    [{ pth: '/x' }, 'pth'],
    [{ path: '/a?b' }, 'path'],
    [{ path: '/../x' }, 'path'],
    [{ redact: ['a..b'] }, 'redact'],
    [{ environment: { name: 'x', color: 'pink' } }, 'environment.color'],
    [{ publicUrl: 'ftp://x' }, 'publicUrl'],
    [{ access: 'private' }, 'access'],
    [{ connections: ['none'] }, 'connections'],
    [{ formatters: { payloads: () => '' } }, 'formatters.payloads'],
  ])('%j are refused', async (options, name) => {
    await expect(async () => startTestApp({ dashboard: options as object })).rejects.toThrow(`option "${name}"`);
  });
});
