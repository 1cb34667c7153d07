import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VersioningType } from '@nestjs/common';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { chromiumPath, TestBrowser } from './browser.js';
import { ADAPTERS, type AppOptions, startDashboardApp } from './dashboard-app.js';

/** A proxy that knows the app under `/admin` and takes that off. */
async function startProxy(origin: string): Promise<{ readonly origin: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    if (!request.url!.startsWith('/admin/')) {
      response.writeHead(404).end();
      return;
    }
    const { method, headers } = request;
    const target = new URL(request.url!.slice('/admin'.length), origin);
    const passed = httpRequest(target, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    response.on('close', () => passed.destroy());
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}/admin`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Links to screens, and their titles. */
const SCREENS = [
  ...[['Tasks', 'Tasks of all queues'] as const],
  ...['Groups', 'Servers', 'Schedules', 'Redis', 'New task', 'Overview', 'Settings'].map(
    (name) => [name, name] as const,
  ),
];

const MOUNTS: readonly (readonly [name: string, at: string, options: Partial<AppOptions>])[] = [
  ['/monitoring', '/monitoring', {}],
  ['/ops/queues', '/ops/queues', { path: '/ops/queues' }],
  [
    'a prefix and versions',
    '/api/monitoring',
    {
      prepare: (app) => {
        app.setGlobalPrefix('api');
        app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
      },
    },
  ],
];

describe.skipIf(chromiumPath === undefined)('the pages', () => {
  let redis: RedisServer;
  let browser: TestBrowser;
  let queues = 0;

  beforeAll(async () => {
    redis = await startRedis();
    browser = await TestBrowser.open();
  });

  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await redis.stop();
  });

  // The server's own tests mount it everywhere under both frameworks.
  describe.each(ADAPTERS)('under %s', (adapter) => {
    const mounts = adapter === 'express' ? MOUNTS : MOUNTS.slice(-1);
    it.each(mounts)('work at %s, and behind a proxy that takes a prefix off', async (_name, at, options) => {
      await using app = await startDashboardApp({ connection: { url: redis.url }, adapter, ...options });
      await using proxy = await startProxy(app.origin);
      await app.tasks.enqueue('mail', {}, { queue: 'a/b', taskId: 'x/y' });
      await using window = await browser.window();
      const { page } = window;

      await page.goto(`${proxy.origin}${at}/settings`);
      for (const [link, heading] of SCREENS) {
        await page.getByRole('link', { name: link, exact: true }).first().click();
        await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
      }
      for (const origin of [app.origin, proxy.origin]) {
        await page.goto(`${origin}${at}`);
        await page.getByText('Live', { exact: true }).waitFor();
        await page.getByRole('link', { name: 'a/b' }).click();
        await page.getByRole('link', { name: 'x/y' }).click();
        await page.getByRole('heading', { name: 'Details' }).waitFor();
        await page.reload();
        await page.getByRole('heading', { name: 'Details' }).waitFor();
        await page.getByRole('button', { name: 'Archive', exact: true }).click();
        await page.getByText('1 task archived').waitFor();
        await page.getByRole('button', { name: 'Undo' }).click();
        await page.getByText('Undone').waitFor();

        expect(page.url()).toBe(`${origin}${at}/task?queue=a%2Fb&id=x%2Fy`);
      }
      expect(window.problems).toEqual([]);
      await app.inspector.purgeQueue('a/b');
    });
  });

  describe('with less than all rights', () => {
    const buttons = ['Pause', 'New task', 'All 2…'];
    const items = ['Run next', 'Archive', 'Delete…'];

    it.each([
      ['read-only', { readOnly: true }, [], []],
      ['may look', { access: () => 'view' as const }, [], []],
      ['may operate', { access: () => 'operate' as const }, ['Pause', 'All 2…'], ['Run next', 'Archive']],
      ['may do everything', { access: () => 'admin' as const }, buttons, items],
    ])('%s: show the actions that are possible, and no others', async (_name, dashboard, shown, inMenu) => {
      await using app = await startDashboardApp({ connection: { url: redis.url }, dashboard });
      const queue = `mail-${++queues}`;
      for (const taskId of ['task-1', 'task-2']) await app.tasks.enqueue('mail', {}, { queue, taskId });
      await using window = await browser.window();
      const { page } = window;

      await page.goto(`${app.origin}/monitoring/queue?queue=${queue}&state=pending`);
      await page.getByRole('link', { name: 'task-1' }).waitFor();
      const isShown = async (name: string) =>
        (await page.getByRole('button', { name, exact: true }).count()) +
          (await page.getByRole('link', { name, exact: true }).count()) >
        0;
      const found = [];
      for (const button of buttons) if (await isShown(button)) found.push(button);
      const menu = page.getByRole('button', { name: 'Actions of task-1' });
      const choices = [];
      if ((await menu.count()) > 0) {
        await menu.click();
        for (const item of items)
          if ((await page.getByRole('menuitem', { name: item, exact: true }).count()) > 0) choices.push(item);
        await page.keyboard.press('Escape');
        await page.getByRole('menu').waitFor({ state: 'detached' });
      }

      expect(found).toEqual(shown);
      expect(choices).toEqual(inMenu);
      expect((await page.getByRole('checkbox', { name: 'Select task-1' }).count()) > 0).toBe(inMenu.length > 0);
      await window.expectFine();
    });
  });

  it('say that the app is away, and go on when it is back', async () => {
    await using app = await startDashboardApp({ connection: { url: redis.url } });
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/`);
    await page.getByText('Live', { exact: true }).waitFor();

    await page.context().setOffline(true);
    await page.getByRole('link', { name: 'Servers' }).first().click();
    await page.getByText('The app does not answer').waitFor();
    await window.picture('away');
    await page.context().setOffline(false);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('No server is running').waitFor();

    expect(await window.accessibilityProblems()).toEqual([]);
  });
});
