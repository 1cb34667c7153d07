import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { Client, Inspector, ServeMux, Server, silentLogger } from '@nestjs-asynq/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { Terminal } from '../support/terminal.js';

const MAIN = join(import.meta.dirname, '../../apps/cli/dist/main.js');
const ENV = { PATH: process.env['PATH']!, HOME: join(tmpdir(), 'nobody'), TZ: 'UTC', TERM: 'xterm-256color' };
const SMALL = { columns: 80, lines: 24 };

let redis: RedisServer;
let client: Client;
let inspector: Inspector;

beforeEach(async () => {
  redis = await startRedis();
  const connection = { url: redis.url };
  client = new Client({ connection, logger: silentLogger });
  inspector = new Inspector({ connection, logger: silentLogger });
  await client.enqueue('email:welcome', { to: 'ada' }, { queue: 'mail', taskId: 'welcome-ada' });
  await client.enqueue('report', {}, { queue: 'reports', taskId: 'yearly' });
});

afterEach(async () => {
  await Promise.all([client.close(), inspector.close()]);
  await redis.stop();
});

/** `asynq dash` on a terminal with earlier output. */
async function openDash(refresh = '8s'): Promise<Terminal> {
  const dash = `'${process.execPath}' '${MAIN}' dash --uri ${redis.host}:${redis.port} --refresh ${refresh}`;
  const shell = `echo before; ${dash}; echo status $?`;
  const terminal = new Terminal('/bin/sh', ['-c', shell], ENV, SMALL);
  await terminal.shows('Queue    State');
  return terminal;
}

it('shows queues, a queue and a task, and archives that after confirmation', async () => {
  using dash = await openDash();
  expect(dash.text).toMatch(/^mail +RUN +1 /m);
  expect(dash.text).toMatch(/^reports +RUN +1 /m);

  dash.type('\r');
  await dash.shows('No active tasks');
  dash.type('\u001B[C');
  await dash.shows(/^welcome-ada +email:welcome +0\/25 +{"to":"ada"}$/m);
  expect(dash.text).toContain('Showing 1-1 out of 1');

  dash.type('\r');
  await dash.shows(/^Payload +{"to":"ada"}$/m);
  dash.type('A');
  await dash.shows('Archive task welcome-ada? y/n');
  expect(await inspector.taskInfo('mail', 'welcome-ada')).toMatchObject({ state: 'pending' });
  dash.type('y');
  await dash.shows(/^State +archived$/m);

  await dash.shows('task welcome-ada archived');
  expect(await inspector.taskInfo('mail', 'welcome-ada')).toMatchObject({ state: 'archived' });
});

it('shows the servers, and the tasks of the selected one', async () => {
  const mux = new ServeMux().handle('email:welcome', (_payload, { signal }) => {
    return new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
  const options = { concurrency: 4, shutdownTimeout: 1, logger: silentLogger };
  const server = new Server({ connection: { url: redis.url }, queues: { mail: 3 }, ...options });
  await server.start(mux);
  try {
    using dash = await openDash('1s');
    dash.type('\u001B[C');

    await dash.shows(new RegExp(`^\\S+ +${process.pid} +active +1/4 +mail:3 +\\d+s ago$`, 'm'));
    await dash.shows(/^welcome-ada +email:welcome +mail +\d+s ago +in 29m\d+s +{"to":"ada"}$/m);
    expect(dash.text.match(/welcome-ada/g)).toHaveLength(1);
  } finally {
    await server.shutdown();
  }
});

it('goes to a queue by its name, and offers to cancel a task that runs', async () => {
  const mux = new ServeMux().handle('report', (_payload, { signal }) => {
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
  });
  const server = new Server({
    connection: { url: redis.url },
    queues: { reports: 1 },
    shutdownTimeout: 1,
    logger: silentLogger,
  });
  await server.start(mux);
  try {
    await expect.poll(async () => (await inspector.taskInfo('reports', 'yearly')).state).toBe('active');
    using dash = await openDash('1s');
    dash.type(':rep');
    await dash.shows('queue: rep');
    dash.type('\r');
    await dash.shows(/^yearly +report /m);

    dash.type('D');
    await dash.shows('It is running. Cancel task yearly, and delete it? y/n');
    dash.type('y');

    await dash.shows('No active tasks');
    await expect(inspector.taskInfo('reports', 'yearly')).rejects.toThrow('yearly');
  } finally {
    await server.shutdown();
  }
});

it('leaves the terminal as it was', async () => {
  using dash = await openDash();
  expect(dash.isCovered).toBe(true);

  dash.type('q');

  expect(await dash.ended()).toBe(0);
  expect(dash.isCovered).toBe(false);
  expect(dash.text.trim()).toBe('before\nstatus 0');
  expect(dash.isCursorShown).toBe(true);
});

it('leaves the terminal as it was when it is terminated', async () => {
  using dash = new Terminal(process.execPath, [MAIN, 'dash', '--uri', `${redis.host}:${redis.port}`], ENV, SMALL);
  await dash.shows('Queue    State');

  dash.kill('SIGTERM');

  expect(await dash.ended()).toBe(0);
  expect(dash.isCovered).toBe(false);
  expect(dash.isCursorShown).toBe(true);
});

it('accepts keys that are typed fast, but no answer that was typed before its question', async () => {
  using dash = await openDash();

  dash.type('jk\rqjPy');
  await dash.shows('Pause queue "reports"? y/n');
  expect((await inspector.queueInfo('reports')).isPaused).toBe(false);
  dash.type('y');

  await dash.shows(/^reports +PAUSED /m);
});

it('fits the size of the terminal', async () => {
  using dash = await openDash();

  dash.type('?');
  await dash.shows('draw the screen again');
  dash.resize({ columns: 120, lines: 40 });
  dash.type('q');

  await dash.shows(/^mail +RUN /m);
  await dash.shows(/^mail +█{80,} 1$/m);

  expect(dash.text.split('\n')[38]).toContain('q quit');
});

it('continues when Redis fails, and shows the error', async () => {
  using dash = await openDash();
  await redis.kill();

  dash.type('\r');
  await dash.shows(/^error: /m);
  expect(dash.status).toBeUndefined();
  await redis.start();
  // It comes back empty.
  await using fresh = new Client({ connection: { url: redis.url }, logger: silentLogger });
  await fresh.enqueue('email:welcome', {}, { queue: 'mail', taskId: 'later' });
  dash.type('l');

  await dash.shows(/^later +email:welcome /m);
});
