import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { AsynqCommand, CommandInProcess } from '../support/asynq-command.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { startSentinel } from '../support/sentinel.js';
import { openTlsFront, type TlsFront } from '../support/tls-front.js';

let redis: RedisServer;
let admin: Redis;
let address: string;

beforeAll(async () => {
  redis = await startRedis();
  address = `${redis.host}:${redis.port}`;
  admin = new Redis(redis.url);
  await admin.sadd('asynq:queues', 'in-0');
  await admin.select(3);
  await admin.sadd('asynq:queues', 'in-3');
  await admin.acl('SETUSER', 'ada', 'on', '>s3cret/@:', '~*', '&*', '+@all', '-info');
});

afterAll(async () => {
  admin.disconnect();
  await redis.stop();
});

// Most of the commands run in this process, where libraries write to the console past what the command prints.
beforeEach(() => {
  for (const way of ['error', 'warn', 'log'] as const) vi.spyOn(console, way);
});

afterEach(() => {
  for (const way of ['error', 'warn', 'log'] as const) expect(console[way]).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

const list = (flags: readonly string[], env: Record<string, string> = {}) =>
  new CommandInProcess(flags, env).run('queue', 'ls');

const works = (queue: string) => ({ status: 0, stdout: `${queue}\n`, stderr: '' });

const fails = (reason: string) => ({
  status: 1,
  stdout: '',
  stderr: expect.stringMatching(new RegExp(`^error: cannot reach Redis at .*${reason}.*\n$`)) as string,
});

describe('a server', () => {
  it('has databases, by flag, by URI, by variable and by file', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'asynq-cli-'));
    const config = join(dir, 'asynq.yaml');
    await writeFile(config, `uri: ${address}\ndb: 3\n`);

    expect(await list(['-u', address])).toEqual(works('in-0'));
    expect(await list(['-u', address, '-n', '3'])).toEqual(works('in-3'));
    expect(await list(['-u', `${redis.url}/3`])).toEqual(works('in-3'));
    expect(await new AsynqCommand([], { URI: address, DB: '3' }).run('queue', 'ls')).toEqual(works('in-3'));
    expect(await list(['--config', config])).toEqual(works('in-3'));
    await rm(dir, { recursive: true });
  });

  it('is not asked for another database when it lacks the one', async () => {
    expect(await list(['-u', address, '-n', '999'])).toEqual(fails('DB index is out of range'));
  });

  it('has users, whose passwords are not shown', async () => {
    const password = 's3cret/@:';

    expect(await list(['-u', address, '-U', 'ada', '-p', password])).toEqual(works('in-0'));
    expect(await list(['-u', `redis://ada:${encodeURIComponent(password)}@${address}`])).toEqual(works('in-0'));
    expect(await list([], { ASYNQ_URI: address, ASYNQ_USERNAME: 'ada', PASSWORD: password })).toEqual(works('in-0'));
    expect(await list(['-u', address, '-U', 'ada', '-p', 'wr0ng'])).toEqual(fails('WRONGPASS'));
    const raw = await list(['-u', `redis://ada:${password}@${address}`]);
    expect(raw).toMatchObject({ status: 2, stdout: '', stderr: expect.not.stringContaining('s3cret') as string });
  });

  it('may be unavailable, unknown or silent', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;

    expect(await list(['-u', '127.0.0.1:1'])).toEqual(fails('127.0.0.1:1: connect ECONNREFUSED'));
    expect(await list(['-u', 'nobody.invalid'])).toEqual(fails('nobody.invalid:6379: getaddrinfo E'));
    expect(await list(['-u', `127.0.0.1:${port}`])).toEqual(
      fails('(?:no connection within 5 seconds|silent for 5000 ms)'),
    );
    silent.close();
  });
});

describe('TLS', () => {
  let front: TlsFront;

  beforeAll(async () => {
    front = await openTlsFront(redis);
  });

  afterAll(() => front[Symbol.asyncDispose]());

  it('is trusted with its CA and under its name', async () => {
    // Node reads it when it starts.
    const listWithCa = (flags: readonly string[], env: Record<string, string> = {}) =>
      new AsynqCommand(flags, { NODE_EXTRA_CA_CERTS: front.caFile, ...env }).run('queue', 'ls');

    expect(await listWithCa(['-u', front.address, '--tls_server', 'redis.example'])).toEqual(works('in-0'));
    expect(await listWithCa(['-u', `rediss://${front.address}/3`], { TLS_SERVER: 'redis.example' })).toEqual(
      works('in-3'),
    );
    expect(await listWithCa(['-u', front.address, '--tls'])).toEqual(fails('Hostname/IP does not match'));
  });

  it('is suggested where only TLS is spoken, and the other way round', async () => {
    expect(await list(['-u', front.address])).toEqual(fails('this port speaks TLS: add --tls'));
    expect(await list(['-u', address, '--tls'])).toEqual(fails('this port does not speak TLS'));
  });

  it('is trusted with any certificate on request', async () => {
    expect(await list(['-u', front.address, '--tls', '--insecure'])).toEqual(works('in-0'));
    expect(await list([], { URI: `rediss://${front.address}`, INSECURE: 'true' })).toEqual(works('in-0'));
    expect(await list(['-u', front.address, '--tls'])).toEqual(fails('certificate'));
  });
});

describe('sentinels', () => {
  it('may be unavailable', async () => {
    expect(await list(['--sentinel_addrs', '127.0.0.1:1', '--master_name', 'main'])).toEqual(
      fails('the sentinels 127.0.0.1:1: .*ECONNREFUSED'),
    );
  });

  it('lead to the master', async () => {
    await using sentinel = await startSentinel(redis, 'guard');
    const flags = ['--sentinel_addrs', `127.0.0.1:${sentinel.port}`, '--sentinel_password', 'guard'];
    const uri = `redis-sentinel://:guard@127.0.0.1:${sentinel.port}/3?master=main`;

    expect(await list([...flags, '--master_name', 'main', '-n', '3'])).toEqual(works('in-3'));
    expect(await list(['-u', uri, '-U', 'ada', '-p', 's3cret/@:'])).toEqual(works('in-3'));
    expect(await list([...flags, '--master_name', 'other'])).toEqual(fails('No such master'));
    expect(await list([...flags, '--master_name', 'main', '-U', 'ada', '-p', 'wr0ng'])).toEqual(fails('WRONGPASS'));
  });
});
