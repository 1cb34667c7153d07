import { Inspector } from '@nestjs-asynq/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { confineContainers, redisImage } from '../support/docker.js';
import { drawPorts, PORTS } from '../support/free-port.js';
import { startRedis as startMachineRedis } from '../support/redis-server.js';
import { startRedis, startRedisCluster, startRedisSentinel, underSamePort } from './containers/redis-containers.js';
import { MailServer } from './mail-server.js';
import { MembersProcess } from './members-process.js';
import { hasPostgres, type PostgresServer, startPostgres } from './postgres-server.js';

confineContainers();

/** Redis as the members app gets to know it. */
interface RedisByUrl extends AsyncDisposable {
  readonly url: string;
}

async function singleInContainer(): Promise<RedisByUrl> {
  const redis = await startRedis();
  return byUrl(redis, (redis.connection as { url: string }).url);
}

async function clusterInContainer(): Promise<RedisByUrl> {
  const ports = await drawPorts(3, PORTS.containers);
  const redis = await startRedisCluster(ports, underSamePort);
  return byUrl(redis, `redis-cluster://${ports.map((port) => `127.0.0.1:${port}`).join(',')}`);
}

async function sentinelInContainer(): Promise<RedisByUrl> {
  const ports = await drawPorts(3, PORTS.containers);
  const redis = await startRedisSentinel(ports, underSamePort);
  return byUrl(redis, `redis-sentinel://127.0.0.1:${ports[2]}?master=main`);
}

const byUrl = (redis: AsyncDisposable, url: string): RedisByUrl => ({
  url,
  [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
});

const SERVERS = [
  { place: 'Redis of this machine', start: (): Promise<RedisByUrl> => startMachineRedis(), isThere: true },
  { place: 'Redis in a container', start: singleInContainer, isThere: redisImage !== undefined },
  { place: 'a cluster in a container', start: clusterInContainer, isThere: redisImage !== undefined },
  { place: 'sentinels in a container', start: sentinelInContainer, isThere: redisImage !== undefined },
];

describe.skipIf(!hasPostgres)('the members app with a mail server and PostgreSQL (skipped without PostgreSQL)', () => {
  let postgres: PostgresServer;

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  it.each(SERVERS.filter(({ isThere }) => isThere))(
    'creates a member in one process and mails from another, on $place',
    async ({ start }) => {
      await using redis = await start();
      await using mailServer = await MailServer.start();
      const shared = { DATABASE_URL: postgres.url, REDIS_ADDRESS: redis.url, SMTP_URL: mailServer.url };
      // Both at once: the migration must run once.
      await using api = new MembersProcess('main', { ...shared, ROLE: 'api' });
      await using worker = new MembersProcess('main', { ...shared, ROLE: 'worker', PUBLIC_URL: 'http://members.test' });
      await worker.line(/^members: worker, queues in Redis, members in PostgreSQL$/);

      const name = `ada-${mailServer.url.split(':').at(-1)}`;
      const created = await api.createMember(name, `${name}@example.com`);
      const mail = await mailServer.first();
      const link = /http:\/\/members\.test(\S+)/.exec(mail.content)![1];
      const verified = await fetch(`${await api.url()}${link}`);
      const taken = await api.createMember(name.toUpperCase(), 'eve@example.com');

      expect([created.status, verified.status, taken.status]).toEqual([201, 200, 409]);
      expect(mail).toMatchObject({ from: 'members@example.com', to: [`${name}@example.com`] });
      expect(mail.content).toMatch(/^Subject: Please confirm your address\r$/m);
      expect(await Promise.all([api.kill('SIGTERM'), worker.kill('SIGTERM')])).toEqual([
        { code: 0, signal: null },
        { code: 0, signal: null },
      ]);
      expect(mailServer.mails).toHaveLength(1);
    },
  );

  it('keeps the mail that the mail server refuses for now, and sends it later', async () => {
    await using redis = await startMachineRedis();
    await using mailServer = await MailServer.start();
    mailServer.refusals = 1;
    const environment = { DATABASE_URL: postgres.url, REDIS_ADDRESS: redis.url, SMTP_URL: mailServer.url };
    await using app = new MembersProcess('main', environment);
    await using inspector = new Inspector({ connection: { url: redis.url } });

    await app.createMember('bob', 'bob@example.com');
    await expect.poll(async () => (await inspector.queueInfo('critical')).retry, { timeout: 10_000 }).toBe(1);
    const [task] = await inspector.listTasks('critical', 'retry');
    await inspector.runTask('critical', task!.id);
    await mailServer.first();

    expect(task!.lastError).toContain('421 try again later');
    expect(mailServer.mails.map(({ to }) => to)).toEqual([['bob@example.com']]);
  });
});
