import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandInProcess } from '../support/asynq-command.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { chromiumPath, TestBrowser, type TestWindow } from './browser.js';
import { type DashboardApp, startDashboardApp } from './dashboard-app.js';

/** As a program, and in this process, where a command line costs a tenth. */
const PROGRAM = join(import.meta.dirname, '../../apps/cli/dist/main.js');

/** Names and texts that a shell, the command's parser or a terminal could take for something else. */
const ODD_QUEUES = ['mail', '-q', '--all', '007', "it's $HOME `id`", 'a\u0003\nb', '中文 "x"', '*'];
const ODD_TEXTS = ['"memberId":1', '-24h', "it's $(id) \\n", 'a=b=c', '1e3', 'true', 'x\ty', '{"to":"ada"}'];

/** The commands that the screens show, run by a shell, against what the screens show and do. */
describe.skipIf(chromiumPath === undefined)('the commands of the screens', () => {
  let redis: RedisServer;
  let app: DashboardApp;
  let browser: TestBrowser;
  /** One for all tests that only look. */
  let window: TestWindow;
  let asynq: CommandInProcess;

  beforeAll(async () => {
    redis = await startRedis();
    app = await startDashboardApp({ connection: { url: redis.url } });
    browser = await TestBrowser.open();
    window = await browser.window();
    await window.page.goto(`${app.origin}/monitoring/`);
    asynq = new CommandInProcess(['--uri', redis.url]);
    let nth = 0;
    for (const queue of ODD_QUEUES) {
      for (const text of ODD_TEXTS) {
        const payload = new TextEncoder().encode(text);
        const taskId = `${queue}/${nth++}`;
        const more = nth % 3 === 0 ? { processIn: '1h' as const } : nth % 3 === 1 ? { group: '-g o' } : {};
        await app.tasks.enqueue(text, payload, { queue, taskId, headers: { 'x-o': text }, ...more });
      }
    }
    await app.tasks.enqueue('binary', Uint8Array.of(0xff, 0x66, 0x6f, 0x6f), { queue: 'mail', taskId: 'binary' });
  });

  afterAll(async () => {
    await window[Symbol.asyncDispose]();
    await browser[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
    await redis.stop();
  });

  /** The command of a screen, reached without loading the pages anew. */
  async function shownAt(path: string): Promise<string> {
    const shown = window.page.locator('.command code').last();
    const before = (await shown.count()) > 0 ? await shown.textContent() : undefined;
    const href = JSON.stringify(`/monitoring/${path}`);
    await window.page.evaluate(`history.pushState(null, '', ${href}); dispatchEvent(new PopStateEvent('popstate'))`);
    await expect.poll(() => shown.textContent()).not.toBe(before); // no two screens have the same
    return (await shown.textContent())!;
  }

  /** What a shell makes of a text. */
  function inShell(script: string): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile('bash', ['-c', script], (error, stdout, stderr) =>
        error ? reject(new Error(stderr, { cause: error })) : resolve(stdout),
      );
    });
  }

  /** Runs a command as it was copied. */
  const runCopied = (command: string): Promise<string> =>
    inShell(`asynq() { '${process.execPath}' '${PROGRAM}' --uri ${redis.url} "$@"; }\n${command}`);

  /** The same for its JSON, in this process. */
  async function jsonOf(command: string, ...flags: readonly string[]): Promise<unknown> {
    const args = await inShell(`asynq() { printf '%s\\0' "$@"; }\n${command}`);
    return JSON.parse(await asynq.output('--json', ...flags, ...args.split('\0').slice(0, -1)));
  }

  async function idsByCommand(command: string): Promise<string[]> {
    const { tasks } = (await jsonOf(command, '--limit', '1000')) as { tasks: { id: string }[] };
    return tasks.map(({ id }) => id).toSorted();
  }

  /** All that the page's own search finds. */
  async function idsBySearch(query: URLSearchParams): Promise<string[]> {
    const ids: string[] = [];
    let from = '';
    for (;;) {
      const answer = await fetch(`${app.origin}/monitoring/api/search?${query.toString()}&limit=500${from}`);
      const { tasks, cursor } = (await answer.json()) as { tasks: { id: string }[]; cursor?: string };
      for (const { id } of tasks) ids.push(id);
      if (cursor === undefined) return ids.toSorted();
      from = `&cursor=${encodeURIComponent(cursor)}`;
    }
  }

  it.each([
    ['everything', {}],
    ['several queues, each with an odd name', { queue: ODD_QUEUES.slice(1) }],
    ['several states', { state: ['pending', 'scheduled'] }],
    [
      'queues and states, with a condition',
      { queue: ['-q', 'a\u0003\nb'], state: ['scheduled', 'aggregating'], text: '-' },
    ],
    ['a group', { group: '-g o', state: ['aggregating', 'pending'], queue: ['mail', '*'] }],
    ['a time, with active tasks among the states', { state: ['active', 'scheduled'], toMs: String(2e12) }],
    ['a time that is over', { fromMs: '1000', toMs: '2000' }],
    ['bytes that are no text', { text: 'foo' }],
    ...ODD_TEXTS.flatMap((text): [string, Record<string, string | string[]>][] => [
      [`the text ${JSON.stringify(text)}`, { text, queue: ['mail', '007'] }],
      [`the type ${JSON.stringify(text)}`, { type: text }],
      [`the payload ${JSON.stringify(text)}`, { payload: text }],
      [`the header ${JSON.stringify(text)}`, { header: [`x-o=${text}`] }],
    ]),
    ...ODD_QUEUES.map((queue): [string, Record<string, string>] => [
      `ids like ${JSON.stringify(queue)}`,
      { id: queue },
    ]),
  ] as const)('search for %s', async (_, filter: Readonly<Record<string, string | readonly string[]>>) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(filter)) for (const one of [value].flat()) query.append(name, one);

    const command = await shownAt(`tasks?${query.toString()}`);

    const found = await idsBySearch(query);
    expect({ command, ids: await idsByCommand(command) }).toEqual({ command, ids: found });
    if (!('fromMs' in filter)) expect(found.length).toBeGreaterThan(0);
  });

  it('pause and resume the queues that are selected', async () => {
    const { page } = window;
    const paused = async () => {
      const infos = await Promise.all(ODD_QUEUES.map((queue) => app.inspector.queueInfo(queue)));
      return infos.filter(({ isPaused }) => isPaused).length;
    };
    const commandOf = async (button: RegExp) => {
      await page.goto(`${app.origin}/monitoring/`);
      await page.getByRole('checkbox', { name: 'Select all rows' }).check();
      await page.getByRole('button', { name: button }).click();
      const command = await page.getByRole('dialog').locator('.command code').textContent();
      await page.keyboard.press('Escape');
      return command!;
    };

    await runCopied(await commandOf(/^Pause \d queues$/));
    expect(await paused()).toBe(ODD_QUEUES.length);
    await runCopied(await commandOf(/^Resume \d queues$/));
    expect(await paused()).toBe(0);
  });

  it.each(ODD_QUEUES)('show the queue %j', async (queue) => {
    const command = await shownAt(`queue?queue=${encodeURIComponent(queue)}&state=insights`);

    expect(await jsonOf(command)).toMatchObject([{ queue }]);
  });
});
