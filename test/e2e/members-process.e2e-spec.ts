import { Inspector } from '@nestjs-asynq/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GoPeer, hasGoPeer } from '../support/go-peer.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { copyDatabase } from './members-database.js';
import { type Exit, MembersProcess } from './members-process.js';

/** The queue `critical` after a demo. The completed task is kept for an hour. */
const oneProcessed = {
  processedTotal: 1,
  failedTotal: 0,
  pending: 0,
  active: 0,
  scheduled: 0,
  retry: 0,
  archived: 0,
  completed: 1,
};

/** In place of the folder of a database that a test copies. */
const COPY = '(a copy)';

describe('the members app as a process', () => {
  it('sends a mail, warns that queues in memory are lost, then drains and exits with 0 at SIGTERM', async () => {
    await using app = new MembersProcess('main', { PGLITE_DIR: await copyDatabase() });

    const response = await app.createMember('ada');
    const verified = await fetch(`${await app.url()}/members/verify?code=${await app.code()}`);
    const exit = await app.kill('SIGTERM');

    expect([response.status, verified.status]).toEqual([201, 200]);
    expect(exit).toEqual({ code: 0, signal: null });
    expect(app.stdout).toContain('set REDIS_ADDRESS to keep both');
    expect(app.stderr).toBe('');
  });

  it('prints one line per wrong setting, and nothing else', async () => {
    await using app = new MembersProcess('main', { ROLE: 'both', PORT: 'http', REDIS_ADDRESS: 'redis:port' });

    const { code } = await app.exit;

    expect(code).toBe(1);
    expect(app.stderr.trimEnd().split('\n')).toEqual([
      'ROLE is "both": it must be api, worker or all',
      'PORT is "http": it must be a port, 0 to 65535',
      expect.stringMatching(/^REDIS_ADDRESS must be a host and a port/),
    ]);
  });

  it('refuses to be split over processes that would share nothing', async () => {
    await using app = new MembersProcess('main', { ROLE: 'api' });

    const { code } = await app.exit;

    expect(code).toBe(1);
    expect(app.stderr).toContain('ROLE is "api": it needs REDIS_ADDRESS, because queues in memory are not shared\n');
  });

  it.each<[environment: Readonly<Record<string, string>>, reason: string]>([
    [{ REDIS_ADDRESS: '127.0.0.1:1', PGLITE_DIR: COPY }, 'cannot reach Redis at 127.0.0.1:1'],
    [{ DATABASE_URL: 'postgres://127.0.0.1:1/members' }, 'connect ECONNREFUSED 127.0.0.1:1'],
    [{ PGLITE_DIR: '/dev/null/db' }, 'ENOTDIR'],
    [
      { HTTP_ADDRESS: '192.0.2.1:3000', PGLITE_DIR: COPY },
      'listen EADDRNOTAVAIL: address not available 192.0.2.1:3000',
    ],
  ])('explains in one line why it cannot start with %j', async (environment, reason) => {
    const database = environment['PGLITE_DIR'] === COPY ? { PGLITE_DIR: await copyDatabase() } : {};
    await using app = new MembersProcess('main', { ...environment, ...database });

    const { code } = await app.exit;

    expect(code).toBe(1);
    expect(app.stderr).toMatch(/^the app cannot start: .*\n$/);
    expect(app.stderr).toContain(reason);
  });

  it('plays its demo without Redis', async () => {
    await using demo = new MembersProcess('demo');

    const { code } = await demo.exit;

    expect(code).toBe(0);
    expect(demo.stdout).toMatch(/│ Subject {2}Please confirm your address/);
    expect(demo.stdout).toMatch(/ada-[\da-f]{6} is verified/);
    expect(demo.stderr).toBe('');
  });

  it('sends the mail of a member whose process was killed before the task was enqueued', async () => {
    await using redis = await startRedis();
    const environment = { PGLITE_DIR: await copyDatabase(), REDIS_ADDRESS: `${redis.host}:${redis.port}` };
    await using before = new MembersProcess('main', environment);
    await before.url();
    await redis.kill();
    const response = await before.createMember('ada');
    await before.kill('SIGKILL');
    await redis.start();

    await using after = new MembersProcess('main', environment);
    const verified = await fetch(`${await after.url()}/members/verify?code=${await after.code()}`);
    await after.kill('SIGTERM');

    expect(response.status).toBe(201);
    expect(before.stdout).not.toContain('code=');
    expect(await verified.json()).toMatchObject({ membername: 'ada', verifiedAt: expect.any(String) });
    expect(after.stdout.match(/code=/g)).toHaveLength(1);
  });
});

describe('the demo of the members app through Redis', () => {
  let redis: RedisServer;
  let exit: Exit;

  beforeAll(async () => {
    redis = await startRedis();
    await using demo = new MembersProcess('demo', {
      PGLITE_DIR: await copyDatabase(),
      REDIS_ADDRESS: `${redis.host}:${redis.port}`,
    });
    exit = await demo.exit;
  });
  afterAll(() => redis.stop());

  it('leaves one processed task', async () => {
    const inspector = new Inspector({ connection: { url: redis.url } });

    const critical = await inspector.queueInfo('critical');
    await inspector.close();

    expect(exit).toEqual({ code: 0, signal: null });
    expect(critical).toMatchObject(oneProcessed);
  });

  it.skipIf(!hasGoPeer)("leaves the same for Go's asynq (skipped without Go)", async () => {
    await using go = new GoPeer({ port: redis.port });

    const critical = await go.queueInfo('critical');
    const [task] = await go.tasks('critical', 'completed');

    expect(critical).toMatchObject(oneProcessed);
    expect(task).toMatchObject({ type: 'email:verify', maxRetry: 10, retried: 0, lastError: '' });
    expect(JSON.parse(task!.payload.toString())).toEqual({ memberId: task!.id.replace('email-verify:', '') });
  });
});
