import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisCluster, type RedisServer, startCluster, startRedis } from '../support/redis-server.js';
import { chromiumPath, TestBrowser } from './browser.js';
import { type DashboardApp, startDashboardApp } from './dashboard-app.js';

/** A Redis Cluster, beside it another Redis as a second connection, and a queue that is spread over all masters. */
describe.skipIf(chromiumPath === undefined)('on a Redis Cluster', () => {
  let cluster: RedisCluster;
  let other: RedisServer;
  let app: DashboardApp;
  let browser: TestBrowser;

  beforeAll(async () => {
    [cluster, other, browser] = await Promise.all([startCluster(), startRedis(), TestBrowser.open()]);
    app = await startDashboardApp({
      connection: { cluster: cluster.addresses },
      others: { billing: { url: other.url } },
      partitions: { mail: 3 },
    });
    for (let nth = 0; nth < 12; nth++)
      await app.tasks.enqueue('mail', { nth }, { queue: 'mail', taskId: `mail-${nth}` });
    await app.tasks.enqueue('report', {}, { queue: 'reports', taskId: 'report', processIn: '1h' });
  });

  afterAll(async () => {
    await app[Symbol.asyncDispose]();
    await Promise.all([browser[Symbol.asyncDispose](), cluster.stop(), other.stop()]);
  });

  it('shows a partitioned queue as one, with its parts, and acts on its tasks', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/`);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByText('3 parts').waitFor();
    await page.getByRole('link', { name: 'reports', exact: true }).waitFor();
    const rows = await page.getByRole('table', { name: 'Queues' }).locator('tbody tr').count();

    await page.getByRole('link', { name: 'mail', exact: true }).click();
    await page.getByRole('link', { name: 'mail-11' }).waitFor();
    await page.getByRole('link', { name: 'History and times' }).click();
    const parts = page.getByRole('table', { name: 'Parts' });
    await parts.waitFor();
    const sizes = await parts.locator('tbody tr td:nth-child(2)').allTextContents();
    await window.picture('parts');
    await window.expectFine();
    await page.goto(`${app.origin}/monitoring/task?queue=mail&id=mail-7`);
    await page.getByText(/^mail:p\d+-/).waitFor();
    await page.getByRole('button', { name: 'Archive', exact: true }).click();
    await page.getByText('1 task archived').waitFor();
    const archived = await app.inspector.taskInfo('mail', 'mail-7');
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('Undone').waitFor();

    expect(rows).toBe(2);
    expect(sizes).toHaveLength(3);
    expect(sizes.reduce((sum, size) => sum + Number(size), 0)).toBe(12);
    expect(archived.state).toBe('archived');
    expect((await app.inspector.taskInfo('mail', 'mail-7')).state).toBe('pending');
    expect(window.problems).toEqual([]);
  });

  it('shows each node, and where the queues lie', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/redis`);
    const slots = page.getByRole('table', { name: 'Where the queues lie' });
    await slots.getByRole('link', { name: 'reports' }).waitFor();
    const nodes = await page.locator('section.card').count();
    const row = await slots.locator('tr', { hasText: 'reports' }).textContent();
    await window.picture('redis-cluster');
    await window.expectFine();

    await page.goto(`${app.origin}/monitoring/queue?queue=reports&state=scheduled`);
    const slot = await app.inspector.clusterSlot('reports');
    await page.locator('dd', { hasText: new RegExp(`^${slot}$`) }).waitFor();

    expect(nodes).toBeGreaterThanOrEqual(3);
    expect(row).toContain(`${slot}`);
    expect(row).toMatch(/127\.0\.0\.1:\d+/);
  });

  it('finds and archives all that match, in all parts', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/tasks?type=mail`);
    await page.getByText('12 tasks', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'All that match…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('radio', { name: /^Archive/ }).check();
    await dialog.getByRole('button', { name: 'Count' }).click();
    await dialog.getByRole('button', { name: 'Archive 12 tasks' }).click();
    await dialog.getByText('12 tasks archived').waitFor();

    expect((await app.inspector.queueInfo('mail')).archived).toBe(12);
    expect(window.problems).toEqual([]);
  });

  it('shows another connection of the app by its name', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/`);
    await page.getByRole('link', { name: 'reports', exact: true }).waitFor();
    await page.getByRole('combobox', { name: 'Connection' }).selectOption('billing');
    await page.getByText('No queues yet').waitFor();
    await page.reload();
    await page.getByText('No queues yet').waitFor();

    expect(window.problems).toEqual([]);
  });
});
