import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { chromiumPath, TestBrowser } from './browser.js';
import { type DashboardApp, startDashboardApp } from './dashboard-app.js';

/** What a page of another site tries, in the browser of somebody who may do everything. */
const attempts = (dashboard: string): string => `<!doctype html>
  <img id="image" src="${dashboard}/api/overview">
  <script src="${dashboard}/api/overview"></script>
  <link rel="stylesheet" href="${dashboard}/api/overview">
  <iframe name="target"></iframe>
  <iframe id="framed" src="${dashboard}/"></iframe>
  <form id="plain" method="post" enctype="text/plain" target="target" action="${dashboard}/api/queue/pause">
    <input name='{"queue":"victim","x":"' value='"}'>
  </form>
  <form id="encoded" method="post" target="target" action="${dashboard}/api/queue/pause"><input name="queue" value="victim"></form>
  <script>
    const write = '${dashboard}/api/queue/pause';
    const body = '{"queue":"victim"}';
    const json = { 'content-type': 'application/json', 'x-asynq': '1' };
    const text = { 'content-type': 'text/plain', 'x-asynq': '1' };
    const ask = (address, init) => fetch(address, { credentials: 'include', ...init }).then(
      (response) => response.type === 'opaque' ? 'opaque' : response.text(),
      () => 'refused',
    );
    const stream = () => new Promise((resolve) => {
      const source = new EventSource('${dashboard}/api/live', { withCredentials: true });
      source.onmessage = () => resolve('opened');
      source.addEventListener('tick', () => resolve('opened'));
      source.onerror = () => resolve('refused');
    });
    document.getElementById('plain').submit();
    document.getElementById('encoded').submit();
    navigator.sendBeacon(write, new Blob([body], { type: 'text/plain' }));
    window.results = Promise.all([
      ask('${dashboard}/api/overview', {}),
      ask('${dashboard}/api/overview', { mode: 'no-cors' }),
      ask(write, { method: 'POST', body, headers: json }),
      ask(write, { method: 'POST', body, headers: text }),
      ask(write, { method: 'POST', body, mode: 'no-cors' }),
      stream(),
    ]);
  </script>`;

describe.skipIf(chromiumPath === undefined)('pages of other sites', () => {
  let redis: RedisServer;
  let app: DashboardApp;
  let browser: TestBrowser;
  let evil: Server;
  const answers: { readonly method: string; readonly path: string; readonly status: number }[] = [];

  beforeAll(async () => {
    [redis, browser] = await Promise.all([startRedis(), TestBrowser.open()]);
    // An app that allows every site everything: the dashboard does not.
    app = await startDashboardApp({
      connection: { url: redis.url },
      prepare: (nest) => {
        nest.enableCors({ origin: true, credentials: true });
        // A browser does not tell the answers that it keeps from a page.
        nest.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
          const { method = '', url: path = '' } = request;
          response.on('close', () => answers.push({ method, path, status: response.statusCode }));
          next();
        });
      },
    });
    await app.tasks.enqueue('mail', {}, { queue: 'victim', taskId: 'one' });
    evil = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end(attempts(`${app.origin}/monitoring`));
    });
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
  });

  afterAll(async () => {
    evil.closeAllConnections();
    evil.close();
    await browser[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
    await redis.stop();
  });

  /** `localhost` is another site than `127.0.0.1`; another port of the same host is another origin. */
  it.each(['localhost', '127.0.0.1'])('at %s can neither read nor change anything', async (host) => {
    await using window = await browser.window();
    const { page } = window;
    answers.length = 0;

    await page.goto(`http://${host}:${(evil.address() as AddressInfo).port}/`);
    const results = await page.evaluate<string[]>('window.results');
    const width = await page.evaluate<number>('document.getElementById("image").naturalWidth');
    const framed = page.frames().find((frame) => frame.parentFrame() && frame.name() !== 'target')!;
    await framed.waitForLoadState();

    expect(results).toEqual(Array.from({ length: 6 }, () => 'refused'));
    expect(width).toBe(0);
    expect(await framed.locator('#root').count()).toBe(0);
    expect(answers.length).toBeGreaterThan(5);
    for (const { method, path, status } of answers.filter((one) => one.path.includes('/api/'))) {
      // The app itself answers preflights, of every address: what follows is refused.
      expect(status >= 400 || method === 'OPTIONS', `${method} ${path} ${status}`).toBe(true);
    }
    expect((await app.inspector.queueInfo('victim')).isPaused).toBe(false);
    expect(app.actions).toEqual([]);
  });

  it('cannot reach it under a name of their own that leads to this machine', async () => {
    await using window = await browser.window();
    const { port } = new URL(app.origin);

    const answer = await window.page.goto(`http://rebound.example:${port}/monitoring/`);

    expect(answer!.status()).toBe(421);
    expect(await answer!.text()).not.toContain('victim');
  });
});
