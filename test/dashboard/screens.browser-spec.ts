import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { chromiumPath, TestBrowser, type TestWindow } from './browser.js';
import { type DashboardApp, startDashboardApp } from './dashboard-app.js';
import { HOSTILE, seed } from './seed.js';

const hostile = { queue: encodeURIComponent(HOSTILE.queue), id: encodeURIComponent(HOSTILE.id) };

/** Each screen: its address, and what it shows when all of it is there. */
const SCREENS: Readonly<Record<string, readonly [address: string, sign: string]>> = {
  overview: ['', 'Nobody serves this queue, 24 tasks wait'],
  active: ['queue?queue=reports&state=active', 'rendering'],
  pending: ['queue?queue=payments&state=pending', 'payment:capture'],
  scheduled: ['queue?queue=email&state=scheduled', 'Due in'],
  retry: ['queue?queue=email&state=retry', 'the mail server is away'],
  archived: ['queue?queue=email&state=archived', 'Failed'],
  completed: ['queue?queue=email&state=completed', '"sent":true'],
  aggregating: ['queue?queue=digests&state=aggregating', 'In group member:42'],
  insights: ['queue?queue=email&state=insights', 'Times by type'],
  search: ['tasks?text=ada', 'looked at'],
  task: [`task?queue=${hostile.queue}&id=${hostile.id}`, '12345678901234567890'],
  groups: ['groups?queue=digests', 'member:7'],
  servers: ['servers', '3 tasks run'],
  schedules: ['schedules', 'nightly-report'],
  redis: ['redis', 'Fragmentation'],
  new: ['new?type=email:welcome&queue=email', 'memberId *'],
  settings: ['settings', 'Appearance'],
  'not-found': ['task?queue=email&id=nothing', 'There is no such task'],
};

/** Those that are laid out otherwise on a phone. */
const ON_PHONE = ['overview', 'retry', 'search', 'task', 'servers', 'schedules', 'new'];

describe.skipIf(chromiumPath === undefined)('the screens', () => {
  let redis: RedisServer;
  let app: DashboardApp;
  let browser: TestBrowser;

  beforeAll(async () => {
    redis = await startRedis();
    app = await startDashboardApp({ redisUrl: redis.url, queues: { email: 6, reports: 3 } });
    browser = await TestBrowser.open();
    await seed(app.tasks, app.inspector);
  });

  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
    await redis.stop();
  });

  describe.each([
    { scheme: 'light', size: 'wide' },
    { scheme: 'dark', size: 'wide' },
    { scheme: 'light', size: 'phone' },
  ] as const)('$scheme and $size', (look) => {
    let window: TestWindow;
    beforeAll(async () => {
      window = await browser.window(look);
    });
    afterAll(() => window[Symbol.asyncDispose]());

    const screens = Object.entries(SCREENS).filter(([name]) => look.size === 'wide' || ON_PHONE.includes(name));
    it.each(screens)('%s can be read and used by everybody', async (name, [address, sign]) => {
      window.problems.length = 0;

      await window.page.goto(`${app.origin}/monitoring/${address}`);
      await window.page.getByText(sign).first().waitFor();
      await window.picture(name);

      // The one task that does not exist is an answer 404, which the browser logs.
      const expected = name === 'not-found' ? /404/ : /^$/;
      expect(window.problems.filter((problem) => !expected.test(problem))).toEqual([]);
      expect(await window.accessibilityProblems()).toEqual([]);
      expect(await window.isTooWide()).toBe(false);
    });
  });

  it('shows hostile names and payloads as text', async () => {
    await using window = await browser.window();
    const { page } = window;

    await page.goto(`${app.origin}/monitoring/`);
    await page.getByRole('link', { name: HOSTILE.queue }).click();
    await page.getByRole('link', { name: HOSTILE.id }).click();
    await page.getByText('12345678901234567890').waitFor();

    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain(HOSTILE.type);
    expect(await page.getByRole('tree').textContent()).toContain('javascript:alert(5)');
    expect(await page.getByText(HOSTILE.header).count()).toBe(1);
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
    await window.expectFine();
  });

  it('keeps every digit and equal keys of a payload, and shows it raw and in hex', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/task?queue=${hostile.queue}&id=${hostile.id}`);

    const tree = await page.getByRole('tree').textContent();
    await page.getByRole('button', { name: 'Text', exact: true }).click();
    const text = await page.locator('.raw-text').textContent();
    await page.getByRole('button', { name: 'Hex', exact: true }).click();
    const hex = await page.locator('.raw-hex').textContent();

    expect(tree).toContain('big: 12345678901234567890same: 1same: 2');
    expect(text).toBe(HOSTILE.payload);
    expect(hex).toContain('00000000  7b 22 68 74 6d 6c 22');
  });

  it('shows a payload that is no text in hex', async () => {
    await using window = await browser.window();
    const { page } = window;

    await page.goto(`${app.origin}/monitoring/queue?queue=images&state=scheduled`);
    await page.getByRole('link', { name: 'image:resize' }).click();

    await page.getByText('ff d8 ff 00 10').waitFor();
    expect(await page.getByRole('button', { name: 'Tree', exact: true }).count()).toBe(0);
  });

  it('reads Chinese in a Chinese browser, with dates as written there', async () => {
    await using window = await browser.window({ locale: 'zh-CN' });
    const { page } = window;

    await page.goto(`${app.origin}/monitoring/`);
    await page.getByText('没有服务器处理此队列，24 个任务在等待').waitFor();
    await window.picture('overview-zh');
    await page.getByRole('link', { name: 'email', exact: true }).click();
    await page.getByRole('link', { name: /待重试/ }).click();
    await page
      .getByText(/重试 1\/25/)
      .first()
      .waitFor();

    expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN');
    await window.expectFine();
  });

  it('says local times, and UTC on hover', async () => {
    await using window = await browser.window();
    const { page } = window;
    const tasks = await app.inspector.listTasks('email', 'scheduled', { size: 1 });
    const [task] = tasks;

    await page.goto(`${app.origin}/monitoring/task?queue=email&id=${task!.id}`);
    const due = page.locator('.facts time').first();
    await due.waitFor();

    expect(await due.getAttribute('title')).toContain(
      `${task!.nextProcessAt!.toISOString().replace('T', ' ').replace('Z', '')} UTC`,
    );
    const hour = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', timeZone: 'Europe/Berlin' });
    expect(await due.textContent()).toContain(`${hour.format(task!.nextProcessAt)}:`);
  });

  it('shows the command that does the same, and copies it without a clipboard', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.addInitScript('Object.defineProperty(navigator, "clipboard", { value: undefined })');
    await page.goto(`${app.origin}/monitoring/queue?queue=email&state=retry`);

    expect(await page.locator('.command code').textContent()).toBe('asynq task ls --queue=email --state=retry');
    await page.getByRole('button', { name: 'Copy the command' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    await page.getByRole('searchbox', { name: 'Search all tasks' }).focus();
    await page.keyboard.press('Control+V');

    expect(await page.getByRole('searchbox', { name: 'Search all tasks' }).inputValue()).toBe(
      'asynq task ls --queue=email --state=retry',
    );
  });

  it('is used by the keyboard alone', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/queue?queue=email&state=retry`);
    await page.getByText('the mail server is away').first().waitFor();

    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.getByText('1 selected').waitFor();
    const id = await page.locator('.row-selected .task-id').textContent();
    await page.keyboard.press('Escape');
    await page.getByText('1 selected').waitFor({ state: 'detached' });
    await page.locator('tr', { hasText: id! }).locator('.task-link').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Details' }).waitFor();
    const opened = await page.locator('.task-full-id code').textContent();
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await page.getByRole('heading', { name: 'Servers' }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await window.picture('keys');
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await page.keyboard.type('ada.3@');
    await page.keyboard.press('Enter');
    await page.getByText('ada.3@example.com').first().waitFor();

    expect(opened).toBe(id);
    expect(new URL(page.url()).search).toBe('?text=ada.3%40');
    await window.expectFine();
  });

  it('leaves single keys alone when the person wants that', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/settings`);
    await page.getByRole('checkbox', { name: 'Single keys are commands' }).uncheck();

    await page.getByRole('heading', { name: 'Settings' }).click();
    await page.keyboard.press('?');
    await page.keyboard.press('/');

    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(await page.locator('input:focus').count()).toBe(0);
  });

  it('skips to the content', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/servers`);
    await page.getByRole('heading', { name: 'Servers' }).waitFor();

    await page.getByRole('button', { name: 'Skip to the content' }).focus();
    await page.keyboard.press('Enter');

    expect(await page.locator('main:focus').count()).toBe(1);
  });
});
