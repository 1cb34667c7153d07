import { execFileSync } from 'node:child_process';
import { openBroker, Scheduler, silentLogger } from '@nestjs-asynq/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandInProcess } from '../support/asynq-command.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { chromiumPath, TestBrowser, type TestWindow } from './browser.js';
import { type DashboardApp, startDashboardApp } from './dashboard-app.js';
import { HOSTILE } from './hostile.js';
import { seed } from './seed.js';

const hostile = { queue: encodeURIComponent(HOSTILE.queue), id: encodeURIComponent(HOSTILE.id) };

/** Each screen: its address, and what it shows when all of it is there. */
const SCREENS = {
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
} as const satisfies Readonly<Record<string, readonly [address: string, sign: string]>>;

/** Nothing that a command could do. */
const WITHOUT_COMMAND = ['settings'];

/** Those that are laid out otherwise on a phone. */
const ON_PHONE = ['overview', 'retry', 'search', 'task', 'servers', 'schedules', 'new'];

/** The arguments of a command, as a shell reads them. */
function argumentsOf(command: string): string[] {
  const printed = execFileSync('sh', ['-c', `asynq() { printf '%s\\0' "$@"; }; ${command}`], { encoding: 'utf8' });
  return printed.split('\0').slice(0, -1);
}

/** A server that somebody else has made known. */
const SERVER = { host: '', pid: 7, serverId: 'foreign' };

async function writeServer(broker: ReturnType<typeof openBroker>, host: string): Promise<void> {
  const running = { concurrency: 1, queues: { digests: 1 }, strictPriority: false, status: 'active' as const };
  await broker.writePresence({ ...SERVER, ...running, host, startedAtMs: Date.now(), activeWorkerCount: 0 }, [], 60);
}

describe.skipIf(chromiumPath === undefined)('the screens', () => {
  let redis: RedisServer;
  let app: DashboardApp;
  let browser: TestBrowser;
  /** Those that the screens show. */
  const commands = new Set<string>();

  beforeAll(async () => {
    redis = await startRedis();
    app = await startDashboardApp({
      connection: { url: redis.url },
      queues: { email: 6, reports: 3 },
      dashboard: {
        links: ({ traceId }) => (traceId ? [{ label: 'Trace', url: `https://traces.example/${traceId}` }] : []),
      },
    });
    browser = await TestBrowser.open();
    await seed(app.tasks, app.inspector);
  });

  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
    await redis.stop();
  });

  describe.each(['wide', 'phone'] as const)('%s', (size) => {
    let window: TestWindow;
    let scheme: 'light' | 'dark' = 'light';
    beforeAll(async () => {
      window = await browser.window({ scheme, size });
    });
    afterAll(() => window[Symbol.asyncDispose]());

    const screens = Object.entries(SCREENS).filter(([name]) => size === 'wide' || ON_PHONE.includes(name));
    describe.each(screens)('%s', (name, [address, sign]) => {
      /** The problems so far, but for the answer 404 of the one task that does not exist, which the browser logs. */
      const problems = (): string[] => window.problems.filter((one) => name !== 'not-found' || !one.includes('404'));

      it('can be read and used by everybody', async () => {
        window.problems.length = 0;

        await window.page.goto(`${app.origin}/monitoring/${address}`);
        await window.page.getByText(sign).first().waitFor();
        await window.picture(name);

        const command = window.page.locator('.command code');
        if ((await command.count()) > 0) commands.add((await command.textContent())!);
        else expect(WITHOUT_COMMAND).toContain(name);
        expect(problems()).toEqual([]);
        expect(await window.accessibilityProblems()).toEqual([]);
        expect(await window.isTooWide()).toBe(false);
      });

      it('is light or dark as the system is, and as easy to read', async () => {
        const before = await window.page.locator('html').getAttribute('data-theme');

        // The next screen begins in these colors, so that half of them are drawn dark at once.
        scheme = scheme === 'light' ? 'dark' : 'light';
        await window.inScheme(scheme);
        await window.page.locator(`html[data-theme="${scheme}"]`).waitFor();
        await window.picture(name);

        expect(before).not.toBe(scheme);
        expect(problems()).toEqual([]);
        expect(await window.contrastProblems()).toEqual([]);
        expect(await window.isTooWide()).toBe(false);
      });
    });
  });

  it('shows on each screen a command that works', async () => {
    const cli = new CommandInProcess(['-u', redis.url]);
    const ran = [];
    for (const command of commands) {
      const { status, stderr } = await cli.run(...argumentsOf(command));
      ran.push({ command, status, stderr });
    }

    // That of the task that does not exist says so; a new task is really enqueued.
    expect(ran.filter(({ status }) => status !== 0).map(({ command }) => command)).toEqual([
      'asynq task inspect --queue=email --id=nothing',
    ]);
    expect(commands.size).toBeGreaterThan(12);
  });

  it('shows hostile names of groups, servers and schedules, errors and results as text', async () => {
    const broker = openBroker({ url: redis.url });
    const scheduler = new Scheduler({ connection: broker, logger: silentLogger });
    scheduler.register('@every 9h', HOSTILE.type, {}, { queue: 'digests', name: HOSTILE.schedule });
    await scheduler.start();
    await writeServer(broker, HOSTILE.server);
    await app.tasks.enqueue('digest:mail', {}, { queue: 'digests', group: HOSTILE.group });
    const failed = await app.tasks.enqueue('hostile:fail', {}, { queue: 'email' });
    const done = await app.tasks.enqueue('hostile:done', {}, { queue: 'email', retention: '1h' });
    const ended = async () => [
      (await app.inspector.taskInfo('email', failed.id)).state,
      (await app.inspector.taskInfo('email', done.id)).state,
    ];
    await expect.poll(ended).toEqual(['retry', 'completed']);
    await using window = await browser.window();
    const { page } = window;
    const shows = async (address: string, text: string): Promise<void> => {
      await page.goto(`${app.origin}/monitoring/${address}`);
      await page.getByText(text, { exact: false }).first().waitFor();
    };

    await shows(`task?queue=email&id=${failed.id}`, HOSTILE.error.split('\n')[1]!);
    const error = await page.locator('.raw-error').textContent();
    await shows(`task?queue=email&id=${done.id}`, HOSTILE.result);
    await shows('groups?queue=digests', HOSTILE.group);
    await page.getByRole('link', { name: HOSTILE.group }).click();
    await page.getByText(`In group ${HOSTILE.group}`).first().waitFor();
    await shows('servers', HOSTILE.server);
    await shows('schedules', HOSTILE.schedule);
    await page.getByRole('button', { name: `Actions of ${HOSTILE.schedule}` }).click();
    await page.getByRole('menuitem', { name: 'Delete…' }).click();
    await page.getByRole('dialog').getByText(HOSTILE.schedule).first().waitFor();

    expect(error).toContain(HOSTILE.error);
    expect(await page.locator('a[href^="javascript"], img[src="x"], main script').count()).toBe(0);
    expect(window.problems).toEqual([]);
    await scheduler.shutdown();
    await app.inspector.removeSchedule('digests', HOSTILE.schedule);
    await broker.clearPresence({ ...SERVER, host: HOSTILE.server });
    await broker.close();
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

  it('shows all about one task: lock, server, trace, links of the app', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/task?queue=${hostile.queue}&id=${hostile.id}`);
    const facts = page.locator('.task-aside');
    await facts.getByText(/^for .+ more$/).waitFor();
    const trace = await facts.locator('.trace').textContent();
    const link = facts.getByRole('link', { name: 'Trace' });
    const [href, rel] = [await link.getAttribute('href'), await link.getAttribute('rel')];

    const [running] = await app.inspector.listTasks('reports', 'active', { size: 1 });
    await page.goto(`${app.origin}/monitoring/task?queue=reports&id=${running!.id}`);
    await facts.getByText('running for').waitFor();

    expect(trace).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    expect([href, rel]).toEqual([`https://traces.example/${trace}`, 'noreferrer']);
    expect(await facts.getByRole('link', { name: `:${process.pid}` }).count()).toBe(1);
    expect(await page.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('42');
    expect(window.problems).toEqual([]);
  });

  it('shows the days of a queue, 90 of them on request, and its memory', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/queue?queue=email&state=insights`);
    const asked = page.waitForResponse(/queue\/history\?.*days=90/);
    await page.getByRole('button', { name: '90 days' }).click();
    const { days } = (await (await asked).json()) as { days: { day: string; processed: number; failed: number }[] };
    await page.getByRole('button', { name: 'Estimate' }).click();
    await page.getByText(/^about .*B$/).waitFor();
    await window.expectFine();
    await page.getByRole('table', { name: 'Times by type' }).getByRole('link', { name: 'email:broken' }).waitFor();

    await page.goto(`${app.origin}/monitoring/`);
    await page.getByText('History of all queues').click();
    await page.getByText('Attempts by day').waitFor();
    await window.picture('overview-days');

    expect(days).toHaveLength(90);
    expect(days[0]!.processed).toBeGreaterThan(days[0]!.failed);
    await window.expectFine();
  });

  it('says the figures of the day under the pointer, else those of the last one', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/queue?queue=email&state=insights`);
    const chart = page.locator('.chart', { hasText: 'Attempts by day' });
    const legend = chart.locator('.legend');
    const lastDay = await legend.textContent();

    await chart.getByRole('img').hover({ position: { x: 100, y: 80 } });
    const earlierDay = await legend.textContent();
    await page.mouse.move(0, 0);

    expect(lastDay).toMatch(/^Succeeded [1-9]\d*Failed [1-9]\d*$/);
    expect(earlierDay).toMatch(/^Succeeded 0Failed 0\w{3},? \d+ \w+$/);
    expect(await legend.textContent()).toBe(lastDay);
  });

  it('draws charts in the colors of the system, and again when these change', async () => {
    await using window = await browser.window({ scheme: 'light' });
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/queue?queue=email&state=insights`);
    const drawing = async (): Promise<string> =>
      page.evaluate(`[...document.querySelectorAll('canvas')].at(-1).toDataURL()`);
    await page.locator('.chart', { hasText: 'Attempts by day' }).locator('canvas').waitFor();
    const light = await drawing();

    await window.inScheme('dark');
    await expect.poll(drawing).not.toBe(light);
    await window.inScheme('light');

    await expect.poll(drawing).toBe(light);
  });

  it('finds tasks by their error, and suggests queues and types', async () => {
    await using window = await browser.window();
    const { page } = window;
    await page.goto(`${app.origin}/monitoring/tasks?error=mail%20server&state=archived`);
    await page.getByText('3 tasks', { exact: true }).waitFor();
    const offered = async (value: string) => page.locator(`datalist option[value="${value}"]`).count();
    await expect.poll(async () => [await offered('payments'), await offered('email:welcome')]).toEqual([1, 1]);

    expect(new Set(await page.locator('.task-type').allTextContents())).toEqual(new Set(['email:broken']));
    expect(window.problems).toEqual([]);
  });

  it('does not move what has been drawn while the rest is loaded', async () => {
    await using window = await browser.window({ isOwn: true });
    const { page } = window;
    await page.addInitScript(`window.shifted = 0;
      new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (window.shifted += value)))
        .observe({ type: 'layout-shift', buffered: true })`);

    for (const [address, sign] of [SCREENS.overview, SCREENS.retry, SCREENS.task, SCREENS.servers]) {
      await page.goto(`${app.origin}/monitoring/${address}`);
      await page.getByText(sign).first().waitFor();
      await page.getByText('Live', { exact: true }).waitFor();

      expect(await page.evaluate('window.shifted'), address).toBeLessThan(0.1);
      expect(await page.locator('.environment').textContent()).toBe('staging');
    }
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
    await using window = await browser.window({ isOwn: true });
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
