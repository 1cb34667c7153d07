import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { chromiumPath, TestBrowser } from './browser.js';
import { type DashboardApp, startDashboardApp } from './dashboard-app.js';

const QUEUES = 150;
const TASKS = 6_000;

/** The short form of `npm run soak -- dashboard`, which has a million tasks beside 5,000 queues. */
describe.skipIf(chromiumPath === undefined)('many tasks and queues', () => {
  let redis: RedisServer;
  let app: DashboardApp;
  let browser: TestBrowser;

  beforeAll(async () => {
    [redis, browser] = await Promise.all([startRedis(), TestBrowser.open()]);
    app = await startDashboardApp({ connection: { url: redis.url } });
    const queue = (nth: number): string => `queue-${String(nth).padStart(4, '0')}`;
    await app.tasks.enqueueMany(
      Array.from({ length: QUEUES }, (_, nth) => ({ type: 'small', payload: { nth }, options: { queue: queue(nth) } })),
    );
    for (let from = 0; from < TASKS; from += 2_000) {
      await app.tasks.enqueueMany(
        Array.from({ length: 2_000 }, (_, nth) => ({
          ...{ type: 'mail', payload: { nth: from + nth } },
          options: { queue: 'big', taskId: `task-${String(from + nth).padStart(4, '0')}` },
        })),
      );
    }
  });

  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
    await redis.stop();
  });

  it('are shown a page at a time, sorted over all of them', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/`);
    const table = page.getByRole('table', { name: 'Queues' });
    await table.getByRole('link').first().waitFor();
    await page.getByText(`of ${QUEUES + 1}`).waitFor();
    const rows = await table.locator('tbody tr').count();

    await page.getByRole('button', { name: 'Size' }).click();
    await table.locator('tbody tr').first().getByText('big').waitFor();
    await page.getByRole('button', { name: 'Next page' }).click();
    await page.getByText('51–100 of 151').waitFor();
    await page.getByLabel('Filter by name').fill('queue-0149');
    await table.getByRole('link', { name: 'queue-0149' }).waitFor();

    expect(rows).toBe(50);
    expect(await table.locator('tbody tr').count()).toBe(1);
    await window.expectFine();
  });

  it('are paged to the last task of a queue, and never all in the page', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/queue?queue=big&state=pending&page=${TASKS / 50}`);
    await page.getByRole('link', { name: 'task-5999' }).waitFor();
    const last = await page.locator('.task-id').count();
    await page.goto(`${app.origin}/monitoring/queue?queue=big&state=pending`);
    await page.getByRole('link', { name: 'task-0000' }).waitFor();

    expect([last, await page.locator('.task-id').count()]).toEqual([50, 50]);
    expect(window.problems).toEqual([]);
  });

  it('are searched piece by piece, with progress, for the one', async () => {
    await using window = await browser.window();
    const { page } = window;
    const pieces: string[] = [];
    page.on('request', (request) => request.url().includes('/api/search') && pieces.push(request.url()));
    await page.goto(`${app.origin}/monitoring/tasks?queue=big&payload=%22nth%22%3A5998%7D`);
    await page.getByRole('link', { name: 'task-5998' }).waitFor();
    await page.getByText('1 task', { exact: true }).waitFor();
    const looked = await page.getByText('looked at').first().textContent();

    expect(looked).toContain('6,000');
    expect(pieces.length).toBeGreaterThan(1);
    expect(window.problems).toEqual([]);
  });
});
