import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { chromiumPath, TestBrowser, type TestWindow } from './browser.js';
import { type DashboardApp, startDashboardApp } from './dashboard-app.js';

/** One action, through the buttons that a person would use, and what has become of the queue. */
describe.skipIf(chromiumPath === undefined)('the actions', () => {
  let redis: RedisServer;
  let app: DashboardApp;
  let browser: TestBrowser;
  let queues = 0;

  beforeAll(async () => {
    redis = await startRedis();
    app = await startDashboardApp({ connection: { url: redis.url }, queues: { reports: 1 } });
    browser = await TestBrowser.open();
  });

  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
    await redis.stop();
  });

  /** A queue that nobody serves, with tasks `task-1`, `task-2`, … */
  async function queueWith(count: number, options: { readonly processIn?: '1h' | '2h' } = {}): Promise<string> {
    const queue = `queue-${++queues}`;
    for (let nth = 1; nth <= count; nth++)
      await app.tasks.enqueue('mail', { nth }, { queue, taskId: `task-${nth}`, ...options });
    return queue;
  }

  async function openQueue(window: TestWindow, queue: string, state: string): Promise<Page> {
    await window.page.goto(`${app.origin}/monitoring/queue?queue=${queue}&state=${state}`);
    await window.page.getByRole('table').waitFor();
    return window.page;
  }

  async function openTask(window: TestWindow, queue: string, id: string): Promise<Page> {
    await window.page.goto(`${app.origin}/monitoring/task?queue=${queue}&id=${id}`);
    await window.page.getByRole('heading', { name: 'Details' }).waitFor();
    return window.page;
  }

  /** Chooses from the menu of a row. */
  async function choose(page: Page, id: string, item: string): Promise<void> {
    await page.getByRole('button', { name: `Actions of ${id}` }).click();
    await page.getByRole('menuitem', { name: item, exact: true }).click();
  }

  const dialog = (page: Page) => page.getByRole('dialog');
  const stateOf = async (queue: string, id: string) => (await app.inspector.taskInfo(queue, id)).state;
  const lastAction = () => app.actions.at(-1);

  describe('on a queue', () => {
    it('pause it, and take that back', async () => {
      await using window = await browser.window();
      const queue = await queueWith(1);
      const page = await openQueue(window, queue, 'pending');

      await page.getByRole('button', { name: 'Pause', exact: true }).click();
      await page.getByText(`${queue} is paused`).waitFor();
      const paused = await app.inspector.queueInfo(queue);
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByText(`${queue} is running again`).waitFor();

      expect(paused.isPaused).toBe(true);
      expect((await app.inspector.queueInfo(queue)).isPaused).toBe(false);
      await window.expectFine();
    });

    it('delete it only when its count is typed', async () => {
      await using window = await browser.window();
      const queue = await queueWith(3);
      const page = await openQueue(window, queue, 'pending');

      await choose(page, queue, 'Delete the queue…');
      const button = dialog(page).getByRole('button', { name: 'Delete the queue with 3 tasks' });
      await dialog(page).getByText('All 3 tasks in it will be lost.').waitFor();
      await window.picture('delete-queue');
      const wasDisabled = await button.isDisabled();
      await dialog(page).getByRole('textbox').fill('3');
      await button.click();
      await page.getByText(`${queue} is deleted`).waitFor();

      expect(wasDisabled).toBe(true);
      expect(await app.inspector.queues()).not.toContain(queue);
      await window.expectFine();
    });

    it('pause those that are selected, and take that back', async () => {
      await using window = await browser.window();
      const names = [await queueWith(1), await queueWith(1), await queueWith(1)];
      const [, second, third] = names;
      await app.inspector.pauseQueue(third!);
      const arePaused = () => Promise.all(names.map(async (name) => (await app.inspector.queueInfo(name)).isPaused));
      const { page } = window;
      await page.goto(`${app.origin}/monitoring/`);

      for (const name of names) await page.getByRole('checkbox', { name: `Select ${name}` }).check();
      await window.picture('queues-selected');
      await window.expectFine();
      await page.getByRole('button', { name: 'Pause 2 queues' }).click();
      await dialog(page).getByText('Pause these 2 queues?').waitFor();
      await dialog(page).getByText('1 of the selected is left out: it is paused already.').waitFor();
      await window.picture('queues-pause');
      await dialog(page).getByRole('button', { name: 'Pause 2 queues' }).click();
      await page.getByText('2 queues are paused').waitFor();
      const paused = await arePaused();
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByText('Undone').waitFor();

      expect(paused).toEqual([true, true, true]);
      expect(await arePaused()).toEqual([false, false, true]);
      expect(lastAction()).toMatchObject({ action: 'resumeQueue', queues: expect.arrayContaining([second]), count: 2 });
      await window.expectFine();
    });

    it('tell which of them were refused', async () => {
      await using window = await browser.window();
      const names = [await queueWith(1), await queueWith(1)];
      const { page } = window;
      await page.route('**/api/queues/pause', (route) =>
        route.fulfill({
          json: {
            changed: [names[0]],
            unchanged: [],
            failed: [{ queue: names[1], code: 'FORBIDDEN', message: 'the right "operate" is needed' }],
          },
        }),
      );
      await page.goto(`${app.origin}/monitoring/`);

      for (const name of names) await page.getByRole('checkbox', { name: `Select ${name}` }).check();
      await page.getByRole('button', { name: 'Pause 2 queues' }).click();
      await dialog(page).getByRole('button', { name: 'Pause 2 queues' }).click();
      await dialog(page).getByText('1 queue was refused:').waitFor();

      expect(await dialog(page).getByRole('listitem').allTextContents()).toEqual([
        `${names[1]} the right "operate" is needed`,
      ]);
      await window.expectFine();
    });

    it('purge it', async () => {
      await using window = await browser.window();
      const queue = await queueWith(1);
      const page = await openQueue(window, queue, 'pending');

      await choose(page, queue, 'Purge the queue…');
      await dialog(page).getByRole('button', { name: 'Purge the queue with 1 task' }).click();
      await page.getByText(`${queue} is purged`).waitFor();

      expect(await app.inspector.queues()).not.toContain(queue);
    });
  });

  describe('on one task', () => {
    it('run it, and put it back to its time', async () => {
      await using window = await browser.window();
      const queue = await queueWith(1, { processIn: '2h' });
      const before = await app.inspector.taskInfo(queue, 'task-1');
      const page = await openQueue(window, queue, 'scheduled');

      await choose(page, 'task-1', 'Run now');
      await page.getByText('1 task runs now').waitFor();
      const run = await stateOf(queue, 'task-1');
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByText('Undone').waitFor();

      expect(run).toBe('pending');
      expect(await app.inspector.taskInfo(queue, 'task-1')).toMatchObject({
        state: 'scheduled',
        nextProcessAt: before.nextProcessAt,
      });
    });

    it('run it before all others', async () => {
      await using window = await browser.window();
      const queue = await queueWith(3);
      const page = await openQueue(window, queue, 'pending');

      await choose(page, 'task-3', 'Run next');
      await page.getByText('1 task runs next').waitFor();

      const tasks = await app.inspector.listTasks(queue, 'pending');
      expect(tasks.map(({ id }) => id)).toEqual(['task-3', 'task-1', 'task-2']);
    });

    it('archive it, and take that back', async () => {
      await using window = await browser.window();
      const queue = await queueWith(1);
      const page = await openTask(window, queue, 'task-1');

      await page.getByRole('button', { name: 'Archive', exact: true }).click();
      await page.getByText('1 task archived').waitFor();
      const archived = await stateOf(queue, 'task-1');
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByText('Undone').waitFor();

      expect(archived).toBe('archived');
      expect(await stateOf(queue, 'task-1')).toBe('pending');
    });

    it('delete it after a question that offers to archive it', async () => {
      await using window = await browser.window();
      const queue = await queueWith(2);
      const page = await openQueue(window, queue, 'pending');

      await choose(page, 'task-1', 'Delete…');
      await dialog(page).getByText('Delete this task?').waitFor();
      await window.picture('delete-task');
      await window.expectFine();
      await dialog(page).getByRole('button', { name: 'Archive instead' }).click();
      await dialog(page).getByRole('button', { name: 'Archive it' }).click();
      await page.getByText('1 task archived').waitFor();
      await choose(page, 'task-2', 'Delete…');
      await dialog(page).getByRole('button', { name: 'Delete it' }).click();
      await page.getByText('1 task deleted').waitFor();

      expect(await stateOf(queue, 'task-1')).toBe('archived');
      await expect(app.inspector.taskInfo(queue, 'task-2')).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    });

    it('change its time', async () => {
      await using window = await browser.window();
      const queue = await queueWith(1, { processIn: '1h' });
      const page = await openQueue(window, queue, 'scheduled');

      await choose(page, 'task-1', 'Reschedule…');
      await dialog(page).getByLabel('New time').fill('2031-02-03T04:05:06');
      await window.picture('reschedule');
      await window.expectFine();
      await dialog(page).getByRole('button', { name: 'Reschedule it' }).click();
      await page.getByText('1 task rescheduled').waitFor();

      const { nextProcessAt } = await app.inspector.taskInfo(queue, 'task-1');
      expect(nextProcessAt).toEqual(new Date('2031-02-03T04:05:06+01:00'));
    });

    it('move it to another queue, and back', async () => {
      await using window = await browser.window();
      const queue = await queueWith(1);
      const target = await queueWith(0);
      const page = await openQueue(window, queue, 'pending');

      await choose(page, 'task-1', 'Move…');
      await dialog(page).getByLabel('To the queue').fill(target);
      await dialog(page).getByRole('button', { name: 'Move it' }).click();
      await page.getByText('1 task moved').waitFor();
      const moved = await stateOf(target, 'task-1');
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByText('Undone').waitFor();

      expect(moved).toBe('pending');
      expect(await stateOf(queue, 'task-1')).toBe('pending');
    });

    it('edit its payload', async () => {
      await using window = await browser.window();
      const queue = await queueWith(1, { processIn: '1h' });
      const page = await openTask(window, queue, 'task-1');

      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Edit payload…' }).click();
      await dialog(page).getByLabel('Payload').fill('{"nth":');
      await dialog(page).getByText('This is no JSON').waitFor();
      await dialog(page).getByLabel('Payload').fill('{"big":12345678901234567890}');
      await dialog(page).getByRole('button', { name: 'Format' }).click();
      await window.picture('edit-payload');
      await window.expectFine();
      await dialog(page).getByRole('button', { name: 'Compact' }).click();
      await dialog(page).getByRole('button', { name: 'Save' }).click();
      await page.getByText('Payload saved').waitFor();
      await page.getByRole('tree').getByText('12345678901234567890').waitFor();

      const { payload } = await app.inspector.taskInfo(queue, 'task-1');
      expect(new TextDecoder().decode(payload)).toBe('{"big":12345678901234567890}');
    });

    it('enqueue it again', async () => {
      await using window = await browser.window();
      const queue = await queueWith(1);
      const page = await openTask(window, queue, 'task-1');

      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Enqueue again…' }).click();
      await dialog(page).getByLabel('Payload').waitFor();
      await dialog(page).getByRole('button', { name: 'Enqueue' }).click();
      await page.getByText('Enqueued as').waitFor();
      await page.getByRole('button', { name: 'Open' }).click();
      await page.locator('.task-full-id code', { hasNotText: 'task-1' }).waitFor();

      expect((await app.inspector.queueInfo(queue)).pending).toBe(2);
    });

    it('cancel it while it runs, and say what becomes of it', async () => {
      await using window = await browser.window();
      const { id } = await app.tasks.enqueue('report:long', {}, { queue: 'reports' });
      const page = await openTask(window, 'reports', id);
      await page.getByText('rendering').first().waitFor();

      await page.getByRole('button', { name: 'Cancel…' }).click();
      await dialog(page)
        .getByRole('radio', { name: /^Archive/ })
        .check();
      await window.picture('cancel');
      await window.expectFine();
      await dialog(page).getByRole('button', { name: 'Cancel it' }).click();
      await page.locator('.task-sub .state-archived').waitFor();

      expect(await stateOf('reports', id)).toBe('archived');
      expect(lastAction()).toMatchObject({ action: 'cancel' });
    });
  });

  describe('on the tasks that are selected', () => {
    it('archive these, and only these', async () => {
      await using window = await browser.window();
      const queue = await queueWith(5);
      const page = await openQueue(window, queue, 'pending');

      await page.getByRole('checkbox', { name: 'Select task-1' }).check();
      await page.getByRole('checkbox', { name: 'Select task-3' }).click({ modifiers: ['Shift'] });
      await page.getByText('3 selected').waitFor();
      await window.picture('selection');
      await window.expectFine();
      await page.getByRole('region', { name: 'Selected tasks' }).getByRole('button', { name: 'Archive' }).click();
      await dialog(page).getByRole('button', { name: 'Archive 3 tasks' }).click();
      await page.getByText('3 tasks archived').waitFor();

      const tasks = await app.inspector.listTasks(queue, 'pending');
      expect(tasks.map(({ id }) => id)).toEqual(['task-4', 'task-5']);
    });

    it('delete them only when their count is typed', async () => {
      await using window = await browser.window();
      const queue = await queueWith(3);
      const page = await openQueue(window, queue, 'pending');

      await page.getByRole('checkbox', { name: 'Select all rows' }).check();
      await page.getByRole('region', { name: 'Selected tasks' }).getByRole('button', { name: 'Delete…' }).click();
      const button = dialog(page).getByRole('button', { name: 'Delete 3 tasks' });
      await dialog(page).getByRole('textbox').fill('2');
      const isDisabled = await button.isDisabled();
      await dialog(page).getByRole('textbox').fill('3');
      await button.click();
      await page.getByText('3 tasks deleted').waitFor();

      expect(isDisabled).toBe(true);
      expect((await app.inspector.queueInfo(queue)).size).toBe(0);
    });

    it('leave alone what has changed since, and say so', async () => {
      await using window = await browser.window();
      const queue = await queueWith(2, { processIn: '1h' });
      const page = await openQueue(window, queue, 'scheduled');
      await page.getByRole('checkbox', { name: 'Select all rows' }).check();
      await page.getByRole('region', { name: 'Selected tasks' }).getByRole('button', { name: 'Run now' }).click();
      await dialog(page).getByText('Run these 2 tasks now?').waitFor();

      await app.inspector.archiveTask(queue, 'task-2');
      await dialog(page).getByRole('button', { name: 'Run 2 tasks' }).click();
      await dialog(page).getByText('1 task was refused').waitFor();
      await window.picture('report');
      await window.expectFine();

      expect([await stateOf(queue, 'task-1'), await stateOf(queue, 'task-2')]).toEqual(['pending', 'archived']);
    });
  });

  describe('on all that match', () => {
    it('count them first, then archive them', async () => {
      await using window = await browser.window();
      const queue = await queueWith(60, { processIn: '1h' });
      await app.tasks.enqueue('other', {}, { queue, taskId: 'other', processIn: '1h' });
      const { page } = window;
      await page.goto(`${app.origin}/monitoring/tasks?queue=${queue}&type=mail`);
      await page.getByText('60 tasks', { exact: true }).waitFor();

      await page.getByRole('button', { name: 'All that match…' }).click();
      await dialog(page)
        .getByRole('radio', { name: /^Archive/ })
        .check();
      await window.expectFine();
      await dialog(page).getByRole('button', { name: 'Count' }).click();
      await dialog(page).getByText('60 tasks can be archived').waitFor();
      const counted = await app.inspector.queueInfo(queue);
      await window.picture('matching');
      await window.expectFine();
      await dialog(page).getByRole('button', { name: 'Archive 60 tasks' }).click();
      await dialog(page).getByText('60 tasks archived').waitFor();

      expect(counted).toMatchObject({ scheduled: 61, archived: 0 });
      expect(await app.inspector.queueInfo(queue)).toMatchObject({ scheduled: 1, archived: 60 });
    });

    it('tell how far they are, stop on request, and keep what is done', async () => {
      await using window = await browser.window();
      const queue = await queueWith(4);
      const archive = vi.spyOn(app.inspector, 'archiveAll').mockImplementationOnce(async (_queue, _state, options) => {
        await app.inspector.archiveTask(queue, 'task-1');
        options!.onProgress!({ done: 1, total: 4 });
        await new Promise((resolve) => options!.signal!.addEventListener('abort', resolve));
        throw options!.signal!.reason as Error;
      });
      const page = await openQueue(window, queue, 'pending');

      await page.getByRole('button', { name: 'All 4…' }).click();
      await dialog(page)
        .getByRole('radio', { name: /^Archive/ })
        .check();
      await dialog(page).getByRole('button', { name: 'Count' }).click();
      await dialog(page).getByRole('button', { name: 'Archive 4 tasks' }).click();
      await dialog(page).getByText('1 of 4 done').waitFor();
      await window.picture('matching-progress');
      await window.expectFine();
      await dialog(page).getByRole('button', { name: 'Stop' }).click();
      await dialog(page).getByText('Stopped after 1 task. What is done stays done.').waitFor();
      await expect.poll(() => lastAction()).toMatchObject({ action: 'archive', count: 1, error: 'stopped' });
      archive.mockRestore();

      expect(await app.inspector.queueInfo(queue)).toMatchObject({ pending: 3, archived: 1 });
    });

    it('tell for each queue and state what was not possible', async () => {
      await using window = await browser.window();
      const queue = await queueWith(2);
      await app.tasks.enqueue('mail', {}, { queue, taskId: 'later', processIn: '1h' });
      const { page } = window;
      await page.goto(`${app.origin}/monitoring/tasks?queue=${queue}`);
      await page.getByText('3 tasks', { exact: true }).waitFor();

      await page.getByRole('button', { name: 'All that match…' }).click();
      await dialog(page).getByRole('radio', { name: /^Run/ }).check();
      await dialog(page).getByRole('button', { name: 'Count' }).click();
      await dialog(page).getByRole('button', { name: 'Run it' }).click();
      await dialog(page).getByText('1 task runs now').waitFor();
      await dialog(page).getByText('not possible for pending tasks').waitFor();
      const skipped = await dialog(page).getByText('skipped').count();
      await window.expectFine();

      expect(skipped).toBe(0);
      expect(await app.inspector.queueInfo(queue)).toMatchObject({ pending: 3, scheduled: 0 });
    });

    it('delete them only when their count is typed', async () => {
      await using window = await browser.window();
      const queue = await queueWith(4);
      const page = await openQueue(window, queue, 'pending');

      await page.getByRole('button', { name: 'All 4…' }).click();
      await dialog(page)
        .getByRole('radio', { name: /^Delete/ })
        .check();
      await dialog(page).getByRole('button', { name: 'Count' }).click();
      const button = dialog(page).getByRole('button', { name: 'Delete 4 tasks' });
      await button.waitFor();
      const wasDisabled = await button.isDisabled();
      await dialog(page).getByRole('textbox').fill('4');
      await button.click();
      await dialog(page).getByText('4 tasks deleted').waitFor();

      expect(wasDisabled).toBe(true);
      expect((await app.inspector.queueInfo(queue)).pending).toBe(0);
    });
  });

  describe('a new task', () => {
    it('by the form of its class, which says what is missing', async () => {
      await using window = await browser.window();
      const queue = await queueWith(0);
      const { page } = window;
      await page.goto(`${app.origin}/monitoring/new?type=email:welcome&queue=${queue}`);

      await page.getByLabel('memberId *').fill('12345678901234567890');
      await page.getByRole('button', { name: 'Enqueue' }).click();
      await page.locator('[aria-invalid]').waitFor();
      await window.picture('new-problem');
      await window.expectFine();
      await page.getByLabel('to *').fill('ada@example.com');
      await page.getByRole('button', { name: 'Enqueue' }).click();
      await page.getByRole('heading', { name: 'Details' }).waitFor();

      const tasks = await app.inspector.listTasks(queue, 'pending');
      expect(tasks.map(({ payload }) => new TextDecoder().decode(payload))).toEqual([
        '{"memberId":12345678901234567890,"to":"ada@example.com"}',
      ]);
    });

    it('whose class forbids it is refused by the server, also as JSON', async () => {
      await using window = await browser.window();
      const queue = await queueWith(0);
      const { page } = window;
      await page.goto(`${app.origin}/monitoring/new?type=email:welcome&queue=${queue}`);

      await page.getByRole('button', { name: 'JSON', exact: true }).click();
      await page.getByRole('textbox', { name: 'Payload' }).fill('{"memberId":0,"to":"nobody"}');
      await page.getByRole('button', { name: 'Enqueue' }).click();
      await page.getByText('to must be an email').waitFor();
      await window.picture('new-refused');

      expect(await page.getByRole('alert').textContent()).toContain('memberId must not be less than 1');
      expect(await window.accessibilityProblems()).toEqual([]);
      expect(await app.inspector.queues()).not.toContain(queue);
    });

    it('as text, with options', async () => {
      await using window = await browser.window();
      const queue = await queueWith(0);
      const { page } = window;
      await page.goto(`${app.origin}/monitoring/new?queue=${queue}`);

      await page.getByLabel('Type').fill('made:up');
      await page.getByLabel('Payload').fill('not JSON');
      await page.getByRole('radio', { name: 'Later' }).check();
      await page.getByRole('button', { name: 'In 1 day' }).click();
      await page.getByText('More options').click();
      await page.getByLabel('Retries').fill('3');
      await page.getByLabel('Timeout').fill('90s');
      await page.getByLabel('Headers').fill('tenant=acme');
      await page.getByRole('button', { name: 'Enqueue' }).click();
      await page.getByRole('heading', { name: 'Details' }).waitFor();

      const tasks = await app.inspector.listTasks(queue, 'scheduled');
      expect(tasks).toMatchObject([{ type: 'made:up', maxRetry: 3, timeoutMs: 90_000, headers: { tenant: 'acme' } }]);
    });
  });

  describe('on a schedule', () => {
    it('run it now, pause it, take that back, and look at its history', async () => {
      await using window = await browser.window();
      const { page } = window;
      await page.goto(`${app.origin}/monitoring/schedules`);

      await choose(page, 'nightly-report', 'Run now');
      await page.getByText('nightly-report: task enqueued').waitFor();
      await choose(page, 'nightly-report', 'Pause');
      await page.getByText('nightly-report is paused').waitFor();
      const [paused] = await app.inspector.schedules('reports');
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByText('nightly-report is running again').waitFor();
      await page.getByRole('button', { name: 'History of nightly-report' }).click();
      await dialog(page).getByRole('link').waitFor();
      await window.expectFine();

      expect(paused!.isPaused).toBe(true);
      expect((await app.inspector.schedules('reports'))[0]!.isPaused).toBe(false);
    });
  });

  describe('live', () => {
    it('shows the tasks that come, and none moves under the pointer', async () => {
      await using window = await browser.window();
      const queue = await queueWith(2);
      const page = await openQueue(window, queue, 'pending');
      const row = page.getByRole('link', { name: 'task-1' });
      const ids = () => page.locator('.task-id').allTextContents();

      await page.mouse.move(0, 0);
      await app.tasks.enqueue('mail', {}, { queue, taskId: 'task-3' });
      await page.getByRole('link', { name: 'task-3' }).waitFor();
      await row.hover();
      const before = await row.boundingBox();
      await app.tasks.enqueue('mail', {}, { queue, taskId: 'task-4' });
      await app.inspector.runNext(queue, 'task-3');
      await app.inspector.archiveTask(queue, 'task-2');
      await page.getByRole('button', { name: '1 new · 1 gone' }).waitFor();
      const held = await ids();

      expect(held).toEqual(['task-1', 'task-2', 'task-3']);
      expect(await row.boundingBox()).toEqual(before);
      await page.getByRole('button', { name: '1 new · 1 gone' }).click();
      await expect.poll(async () => ids()).toEqual(['task-3', 'task-1', 'task-4']);
      await window.expectFine();
    });

    it('asks when it cannot listen', async () => {
      await using window = await browser.window();
      const queue = await queueWith(1);
      await window.page.route('**/api/live?*', (route) => route.fulfill({ status: 503, body: '' }));
      const page = await openQueue(window, queue, 'pending');

      await page.getByText('Polling').waitFor();
      await app.tasks.enqueue('mail', {}, { queue, taskId: 'task-2' });

      await page.getByRole('link', { name: 'task-2' }).waitFor();
      expect(await window.isTooWide()).toBe(false);
    });

    it('stops while nobody sees it, and goes on after that', async () => {
      await using window = await browser.window();
      const queue = await queueWith(1);
      const page = await openQueue(window, queue, 'pending');
      await page.getByText('Live', { exact: true }).waitFor();
      const see = (hidden: boolean) =>
        page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
          Object.defineProperty(document, 'visibilityState', { value: '${hidden ? 'hidden' : 'visible'}', configurable: true });
          document.dispatchEvent(new Event('visibilitychange'))`);
      const ended = page.waitForEvent('requestfailed', (request) => request.url().includes('/api/live'));

      await see(true);
      await ended;
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      await app.tasks.enqueue('mail', {}, { queue, taskId: 'task-2' });
      const whileHidden = [...asked];
      await see(false);

      await page.getByRole('link', { name: 'task-2' }).waitFor();
      expect(whileHidden).toEqual([]);
    });

    it('stops and goes on by its button', async () => {
      await using window = await browser.window();
      const queue = await queueWith(1);
      const page = await openQueue(window, queue, 'pending');

      await page.getByRole('button', { name: 'Stop refreshing' }).click();
      await page.getByText('Paused', { exact: true }).waitFor();
      await app.tasks.enqueue('mail', {}, { queue, taskId: 'task-2' });
      const shown = await page.locator('.task-id').allTextContents();
      await page.getByRole('button', { name: 'Refresh again' }).click();
      await page.getByRole('link', { name: 'task-2' }).waitFor();

      expect(shown).toEqual(['task-1']);
    });
  });

  describe('a search', () => {
    it('over all queues and states, that is kept in the address', async () => {
      await using window = await browser.window();
      const [one, other] = [await queueWith(0), await queueWith(0)];
      await app.tasks.enqueue('mail', { note: 'needle' }, { queue: one, taskId: 'in-one', processIn: '1h' });
      await app.tasks.enqueue('mail', { note: 'needle' }, { queue: other, taskId: 'in-other' });
      const { page } = window;
      await page.goto(`${app.origin}/monitoring/`);
      await page.getByRole('link', { name: other, exact: true }).waitFor();
      await page.getByRole('link', { name: 'Tasks', exact: true }).first().click();

      await page.getByLabel('Text', { exact: true }).fill('needle');
      await page.getByRole('button', { name: 'Search', exact: true }).click();
      await page.getByText('2 tasks', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Scheduled' }).click();
      await page.getByText('1 task', { exact: true }).waitFor();
      const address = page.url();
      await page.goBack();
      await page.getByText('2 tasks', { exact: true }).waitFor();
      await page.goto(address);
      await page.getByRole('link', { name: 'in-one' }).waitFor();

      expect(new URL(address).search).toBe('?state=scheduled&text=needle');
      expect(await page.getByRole('link', { name: 'in-other' }).count()).toBe(0);
      await window.expectFine();
    });

    it('is stopped, and goes on where it stopped', async () => {
      await using window = await browser.window();
      const queue = await queueWith(3);
      const { page } = window;
      let isHeld = false;
      // Each piece reads one task, and the second one takes until it is stopped; the first may be asked for twice.
      await page.route('**/api/search?*', async (route) => {
        const url = route.request().url();
        if (isHeld || !url.includes('cursor=')) await route.continue({ url: `${url}&scanBudget=1` });
        else isHeld = true;
      });
      await page.goto(`${app.origin}/monitoring/tasks?queue=${queue}`);
      await page.getByText('1 task so far').waitFor();
      await expect.poll(() => isHeld).toBe(true);

      await page.getByRole('button', { name: 'Stop', exact: true }).click();
      await page.getByRole('button', { name: 'Search on' }).first().click();
      await page.getByText('3 tasks', { exact: true }).waitFor();

      expect(await page.locator('.task-id').allTextContents()).toHaveLength(3);
    });
  });
});
