import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Inspector } from '@nestjs-asynq/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GoPeer, hasGoPeer } from '../support/go-peer.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { type Exit, MembersProcess } from './members-process.js';
import { postgresPrograms, startPostgres } from './postgres-server.js';

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

describe('the members app as a process', () => {
  it('sends a mail, then drains and exits with 0 at SIGTERM', async () => {
    await using app = new MembersProcess('main');

    const response = await app.createMember('ada');
    const verified = await fetch(`${await app.url()}/members/verify?code=${await app.code()}`);
    const exit = await app.kill('SIGTERM');

    expect([response.status, verified.status]).toEqual([201, 200]);
    expect(exit).toEqual({ code: 0, signal: null });
    expect(app.stderr).toBe('');
  });

  it('names every bad setting in a line of its own, and nothing else', async () => {
    await using app = new MembersProcess('main', { ROLE: 'both', PORT: 'http', REDIS_ADDRESS: 'redis' });

    const { code } = await app.exit;

    expect(code).toBe(1);
    expect(app.stderr.trimEnd().split('\n')).toEqual([
      'ROLE is "both": it must be api, worker or all',
      'PORT is "http": it must be a port, 0 to 65535',
      'REDIS_ADDRESS must be host:port or a redis:// URL',
    ]);
  });

  it('refuses to split up over processes that would share nothing', async () => {
    await using app = new MembersProcess('main', { ROLE: 'api' });

    const { code } = await app.exit;

    expect(code).toBe(1);
    expect(app.stderr).toContain('ROLE is "api": it needs REDIS_ADDRESS, because queues in memory are not shared\n');
  });

  it.each([
    [{ REDIS_ADDRESS: '127.0.0.1:1' }, 'cannot reach Redis at redis://127.0.0.1:1'],
    [{ DATABASE_URL: 'postgres://127.0.0.1:1/members' }, 'connect ECONNREFUSED 127.0.0.1:1'],
    [{ PGLITE_DIR: '/dev/null/db' }, 'ENOTDIR'],
    [{ HTTP_ADDRESS: '192.0.2.1:3000' }, 'listen EADDRNOTAVAIL: address not available 192.0.2.1:3000'],
  ])('says in one line why it cannot start with %j', async (environment, reason) => {
    await using app = new MembersProcess('main', environment);

    const { code } = await app.exit;

    expect(code).toBe(1);
    expect(app.stderr).toMatch(/^the app cannot start: .*\n$/);
    expect(app.stderr).toContain(reason);
  });

  it('warns that queues in memory forget what the database remembers', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'members-'));
    await using app = new MembersProcess('main', { PGLITE_DIR: dir });
    await app.url();
    await app.kill('SIGTERM');
    rmSync(dir, { recursive: true });

    expect(app.stdout).toContain('set REDIS_ADDRESS to keep both');
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
    const dir = mkdtempSync(join(tmpdir(), 'members-'));
    await using redis = await startRedis();
    const environment = { PGLITE_DIR: join(dir, 'db'), REDIS_ADDRESS: `${redis.host}:${redis.port}` };
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
    rmSync(dir, { recursive: true });
  });
});

describe('the demo of the members app through Redis', () => {
  let redis: RedisServer;
  let exit: Exit;

  beforeAll(async () => {
    redis = await startRedis();
    await using demo = new MembersProcess('demo', { REDIS_ADDRESS: `${redis.host}:${redis.port}` });
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

describe.skipIf(!postgresPrograms)('the members app on PostgreSQL (skipped where it is not installed)', () => {
  it('creates members in one process and mails them from another', async () => {
    await using postgres = await startPostgres();
    await using redis = await startRedis();
    const shared = { DATABASE_URL: postgres.url, REDIS_ADDRESS: `${redis.host}:${redis.port}` };
    // Both at once: the migration must run once.
    await using api = new MembersProcess('main', { ...shared, ROLE: 'api' });
    await using worker = new MembersProcess('main', { ...shared, ROLE: 'worker' });
    await worker.line(/^members: worker, queues in Redis, members in PostgreSQL$/);

    const created = await api.createMember('ada');
    const verified = await fetch(`${await api.url()}/members/verify?code=${await worker.code()}`);
    const taken = await api.createMember('Ada');

    expect([created.status, verified.status, taken.status]).toEqual([201, 200, 409]);
    expect(api.stdout).not.toContain('code=');
    expect(await Promise.all([api.kill('SIGTERM'), worker.kill('SIGTERM')])).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
  });
});
