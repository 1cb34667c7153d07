import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client, Scheduler, Server } from '@nestjs-asynq/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { quiet } from '../support/quiet.js';
import { type RedisCluster, type RedisServer, startCluster, startRedis } from '../support/redis-server.js';
import { copyDatabase } from './members-database.js';
import { MembersProcess } from './members-process.js';

const MAIN = join(import.meta.dirname, '../../apps/cli/dist/main.js');
const PROOF = { 'content-type': 'application/json', 'x-asynq': '1' };
const { logger } = quiet();

let redis: RedisServer;
let cluster: RedisCluster;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  [redis, cluster] = await Promise.all([startRedis(), startCluster()]);
});

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

afterAll(() => Promise.all([redis.stop(), cluster.stop()]));

/** `asynq dashboard` on a free port; its address. */
async function startCommand(...flags: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...flags, 'dashboard', '--port', '0', '--json'], { stdio: 'pipe' });
  closing.push(async () => {
    child.kill('SIGINT');
    const [code] = await new Promise<[number | null]>((resolve) => child.once('close', (status) => resolve([status])));
    expect(code).toBe(0);
  });
  let text = '';
  for await (const line of createInterface(child.stdout)) {
    text += line;
    const url = /"url": "([^"]+)"/.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`asynq dashboard did not start: ${text}`);
}

// oxlint-disable-next-line typescript/no-explicit-any -- tests compare it
async function get(url: string): Promise<any> {
  const response = await fetch(url);
  expect(response.status, url).toBe(200);
  return response.json();
}

const post = async (url: string, body: object): Promise<Response> =>
  fetch(url, { method: 'POST', headers: PROOF, body: JSON.stringify(body) });

describe.each(['one Redis', 'a cluster'] as const)('asynq dashboard on %s', (on) => {
  const flags = () =>
    on === 'one Redis'
      ? ['-u', redis.url]
      : ['--cluster', '--cluster_addrs', cluster.addresses.map(({ host, port }) => `${host}:${port}`).join(',')];
  const connection = () => (on === 'one Redis' ? { url: redis.url } : { cluster: cluster.addresses });

  it('shows queues, running tasks, schedules and nodes, and acts on them', async () => {
    const client = new Client({ connection: connection(), logger });
    const server = new Server({ connection: connection(), queues: { mail: 1 }, logger });
    const scheduler = new Scheduler({ connection: connection(), logger });
    closing.push(
      () => client.close(),
      () => server.shutdown(),
      () => scheduler.shutdown(),
    );
    scheduler.register('@every 1h', 'report', { id: 7 }, { queue: 'mail' });
    await client.enqueue('slow', { to: 'ada' }, { queue: 'mail', taskId: 'running' });
    await client.enqueue('later', {}, { queue: 'mail', taskId: 'waiting', processIn: '1h', unique: '2h' });
    await Promise.all([
      scheduler.start(),
      server.start(async (_payload, { signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        throw signal.reason;
      }),
    ]);

    const url = await startCommand(...flags());
    await expect
      .poll(async () => (await get(`${url}api/servers`)).servers)
      .toMatchObject([{ queues: [{ queue: 'mail', weight: 1 }], workers: [{ id: 'running', type: 'slow' }] }]);
    const overview = await get(`${url}api/overview`);
    const task = await get(`${url}api/task?queue=mail&id=running`);
    const waiting = await get(`${url}api/task?queue=mail&id=waiting`);
    const [schedule] = (await get(`${url}api/schedules`)).schedules;
    const nodes = await get(`${url}api/redis`);
    const ran = await post(`${url}api/schedule/run`, { queue: 'mail', name: schedule.name });
    const canceled = await post(`${url}api/tasks/act`, {
      action: 'cancel',
      outcome: 'archive',
      items: [{ queue: 'mail', id: 'running' }],
    });

    expect(overview).toMatchObject({
      totals: { queues: 1, servers: 1 },
      queues: [{ queue: 'mail', servers: 1 }],
      warnings: [],
    });
    expect(task.task).toMatchObject({ state: 'active', worker: { pid: process.pid } });
    expect(waiting.lock.expiresInMs).toBeGreaterThan(7_000_000);
    expect(schedule).toMatchObject({
      queue: 'mail',
      spec: '@every 1h',
      type: 'report',
      schedulers: 1,
      canOperate: true,
    });
    expect(nodes.kind).toBe(on === 'one Redis' ? 'redis' : 'cluster');
    expect(nodes.nodes.length).toBeGreaterThanOrEqual(on === 'one Redis' ? 1 : 3);
    expect(nodes.nodes.filter((node: object) => 'problem' in node)).toEqual([]);
    expect(nodes.nodes[0]).toMatchObject({
      usedBytes: expect.any(Number),
      clients: expect.any(Number),
    });
    if (on === 'a cluster') expect(nodes.queues).toMatchObject([{ queue: 'mail', slot: expect.any(Number) }]);
    expect(await ran.json()).toMatchObject({ changed: true, task: { queue: 'mail' } });
    expect(await canceled.json()).toMatchObject({ done: 1, replies: { requested: 1 } });
    await expect.poll(async () => (await get(`${url}api/task?queue=mail&id=running`)).task.state).toBe('archived');
  });

  it('acts on all that match, through the same address', async () => {
    const client = new Client({ connection: connection(), logger });
    closing.push(() => client.close());
    for (let i = 0; i < 600; i++) await client.enqueue('bulk', { i }, { queue: `bulk-${i % 3}`, processIn: '1h' });

    const url = await startCommand(...flags());
    const response = await post(`${url}api/tasks/act-matching`, {
      action: 'archive',
      filter: { type: 'bulk' },
      confirmed: 600,
    });
    const lines = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; report?: object });

    expect(lines.at(-1)).toMatchObject({ kind: 'end', report: { matched: 600, done: 600, skipped: 0 } });
  });
});

describe('the dashboard of the sample', () => {
  it('is shown to this machine, read-only, with metrics beside it', async () => {
    await using app = new MembersProcess('main', { REDIS_ADDRESS: redis.url, PGLITE_DIR: await copyDatabase() });
    const url = /http\S+/.exec(await app.line(/^monitoring: http/))![0];

    const page = await fetch(url);
    const html = await page.text();
    const [script] = /assets\/[\w-]+\.js/.exec(html)!;
    const session = await get(`${url}api/session`);
    const types = await get(`${url}api/types`);
    const write = await post(`${url}api/queue/pause`, { queue: 'default' });
    const foreign = await fetch(url, { headers: { 'x-forwarded-for': '10.0.0.1' } });
    const [metrics, foreignMetrics] = await Promise.all([
      fetch(new URL('/metrics', url)),
      fetch(new URL('/metrics', url), { headers: { 'x-forwarded-for': '10.0.0.1' } }),
    ]);

    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await fetch(url + script)).status).toBe(200);
    expect(session).toMatchObject({ readOnly: true, right: 'view' });
    expect(types.types).toMatchObject([
      { type: 'email:verify', schema: { properties: { memberId: { format: 'uuid' } } } },
    ]);
    expect([write.status, foreign.status, foreignMetrics.status]).toEqual([403, 403, 403]);
    expect(await metrics.text()).toContain('asynq_workers_limit 10');
  });

  it('lets those act who know the password', async () => {
    const rights = { DASHBOARD_WRITE: '1', DASHBOARD_PASSWORD: 'correct horse' };
    const environment = { REDIS_ADDRESS: redis.url, PGLITE_DIR: await copyDatabase(), ...rights };
    await using app = new MembersProcess('main', environment);
    const url = /http\S+/.exec(await app.line(/^monitoring: http/))![0];
    const authorization = `Basic ${Buffer.from('ada:correct horse').toString('base64')}`;

    const stranger = await post(`${url}api/queue/pause`, { queue: 'default' });
    const known = await fetch(`${url}api/queue/pause`, {
      method: 'POST',
      headers: { ...PROOF, authorization },
      body: '{"queue":"paused"}',
    });

    expect([stranger.status, stranger.headers.get('www-authenticate')]).toEqual([
      401,
      'Basic realm="members", charset="UTF-8"',
    ]);
    expect(await known.json()).toEqual({ changed: true, unknown: true });
  });
});
