import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { chromiumPath, TestBrowser } from './browser.js';
import { type DashboardApp, startDashboardApp } from './dashboard-app.js';
import { seedForPictures } from './seed.js';

const IMAGES = join(import.meta.dirname, '../../docs/images');

/** Made-up figures of an hour, which no test can wait for; all else on the pictures comes from Redis. */
function hourOfFigures() {
  const points = Array.from({ length: 120 }, (_, nth) => nth);
  const nowMs = Date.now();
  const wave = (nth: number) => 5 + 1.8 * Math.sin(nth / 9) + 0.5 * Math.sin(nth * 1.7);
  return {
    range: '1h',
    stepMs: 30_000,
    atMs: points.map((nth) => nowMs - (120 - nth) * 30_000),
    sinceMs: nowMs - 3_600_000,
    process: 'api-5d8c:12',
    series: {
      processedPerS: points.map(wave),
      failedPerS: points.map((nth) => (nth < 84 ? 0.1 : 1.6 + 0.3 * Math.sin(nth * 2.3))),
      pending: points.map((nth) => (nth < 84 ? 2 + (nth % 2) : 2 + Math.round((nth - 84) * 0.63))),
      active: points.map((nth) => 3 + Math.round(2 * Math.sin(nth / 5))),
      latencyMs: points.map((nth) => (nth < 84 ? 240 : 240 + (nth - 84) * 203)),
    },
    isKept: true,
    types: [],
  };
}

/** The pictures of README and guide: `UPDATE_PICTURES=1 npx vitest run --project browser test/dashboard/pictures`. */
describe.skipIf(chromiumPath === undefined || !process.env['UPDATE_PICTURES'])('the pictures of the docs', () => {
  let redis: RedisServer;
  let app: DashboardApp;
  let browser: TestBrowser;

  beforeAll(async () => {
    redis = await startRedis();
    const dashboard = { environment: { name: 'production', color: 'red' } as const };
    app = await startDashboardApp({ connection: { url: redis.url }, queues: { email: 6, reports: 3 }, dashboard });
    browser = await TestBrowser.open();
    await seedForPictures(app.tasks, app.inspector);
  });

  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
    await redis.stop();
  });

  it.each([
    ['dashboard-overview', '', 'light', 'wide', ['Paused for', /\d\/s$/]],
    ['dashboard-overview-dark', '', 'dark', 'wide', ['Paused for', /\d\/s$/]],
    ['dashboard-queue', 'queue?queue=email&state=retry', 'light', 'wide', ['ECONNREFUSED']],
    ['dashboard-task', 'task?queue=email&id=welcome-1', 'dark', 'wide', ['12345678901234567890']],
    ['dashboard-phone', '', 'light', 'phone', ['Paused for', /\d\/s$/]],
  ] as const)('%s', async (name, address, scheme, size, signs) => {
    await using window = await browser.window({ scheme, size });
    const { page } = window;
    await page.route('**/api/charts?*', (route) => route.fulfill({ json: hourOfFigures() }));

    await page.goto(`${app.origin}/monitoring/${address}`);
    for (const sign of signs) await page.getByText(sign).first().waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.waitForLoadState('load');
    await page.screenshot({ path: join(IMAGES, `${name}.png`) });
    expect(window.problems).toEqual([]);
  });
});
