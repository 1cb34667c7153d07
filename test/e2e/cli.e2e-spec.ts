import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Scheduler, Server, ServeMux, silentLogger } from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { type RedisServer, startCluster, startRedis } from '../support/redis-server.js';
import { AsynqCommand, CommandInProcess } from '../support/asynq-command.js';
import { openRedisQueue, type TestQueue } from '../support/test-queue.js';

let redis: RedisServer;
let connection: Redis;
/** In a process of its own each time. */
let asynqProcess: AsynqCommand;
/** The same in this process. */
let asynq: CommandInProcess;
let queue: TestQueue;

beforeAll(async () => {
  redis = await startRedis();
  connection = new Redis(redis.url);
  const flags = ['--uri', `${redis.host}:${redis.port}`];
  asynqProcess = new AsynqCommand(flags);
  asynq = new CommandInProcess(flags);
  vi.stubEnv('TZ', 'UTC');
});

afterAll(async () => {
  vi.unstubAllEnvs();
  connection.disconnect();
  await redis.stop();
});

beforeEach(async () => {
  await connection.flushall();
  queue = openRedisQueue(connection, { name: 'mail', clock: new FakeClock(Date.now()) });
  await connection.sadd('asynq:queues', 'mail');
});

describe('tasks on the command line', () => {
  it('are listed in the columns of their state', async () => {
    const failed = { errorMsg: 'boom\nat line 1', lastFailedAtS: 1_700_000_000n, retried: 2, maxRetry: 5 };
    await queue.seed({
      pending: ['one'],
      active: ['two'],
      scheduled: { three: '1h' },
      retry: { four: '1h' },
      archived: { five: '1h' },
      messages: { one: { payload: Uint8Array.of(0xff) }, four: failed, five: failed },
    });
    const list = (state: string) => asynq.rows('task', 'ls', '-q', 'mail', '-s', state);

    const when = 'Tue Nov 14 22:13:20 UTC 2023';
    const due = expect.stringMatching(/^in (59m|1h0m)\d+s$/) as string;
    const retryTitles = ['ID', 'Type', 'Payload', 'Next Retry', 'Last Error', 'Last Failed', 'Retried', 'Max Retry'];
    expect((await list('pending'))[2]).toEqual(['one', 'test:task', 'non-printable bytes']);
    expect((await list('active'))[2]).toEqual(['two', 'test:task', '{"id":"two"}']);
    expect((await list('scheduled'))[2]).toEqual(['three', 'test:task', '{"id":"three"}', due]);
    expect((await list('retry'))[0]).toEqual(retryTitles);
    expect((await list('retry'))[2]).toEqual([
      'four',
      'test:task',
      '{"id":"four"}',
      due,
      'boom\\nat line 1',
      when,
      '2',
      '5',
    ]);
    expect((await list('archived'))[2]).toEqual(['five', 'test:task', '{"id":"five"}', when, 'boom\\nat line 1']);
    expect(await list('completed')).toEqual([['No completed tasks in "mail" queue']]);
  });

  it('are enqueued, inspected, run, archived and deleted', async () => {
    const one = ['-q', 'mail', '-i', 'one'];

    const enqueued = await asynqProcess.output(
      'task',
      'enqueue',
      '-t',
      'email',
      '-l',
      '{"n":1}',
      ...one,
      '--process_in',
      '1h',
    );
    expect(enqueued).toBe('Enqueued task one to queue mail\n');
    expect(await asynqProcess.json('task', 'inspect', ...one)).toMatchObject({
      state: 'scheduled',
      payload: '{"n":1}',
    });
    expect(await asynqProcess.output('task', 'run', ...one)).toBe('task is now pending\n');
    expect(await asynqProcess.output('task', 'archive', ...one)).toBe('task archived\n');
    expect(await asynqProcess.output('task', 'inspect', ...one)).toMatch(/^State: {3}archived$/m);
    expect(await asynqProcess.output('task', 'rm', ...one)).toBe('task deleted\n');
    expect(await asynqProcess.run('task', 'inspect', ...one)).toMatchObject({ status: 1, stdout: '' });
  });

  it('wait in groups', async () => {
    const group = ['-g', 'daily'];
    await asynq.output('task', 'enqueue', '-t', 'digest', '-l', '{}', '-q', 'mail', '-i', 'one', ...group);

    expect(await asynq.output('group', 'ls', '-q', 'mail')).toBe('daily\n');
    const rows = await asynq.rows('task', 'ls', '-q', 'mail', '-s', 'aggregating', ...group);
    expect(rows[0]).toEqual(['ID', 'Type', 'Payload', 'Group']);
    expect(rows[2]).toEqual(['one', 'digest', '{}', 'daily']);
    expect(await asynq.output('task', 'runall', '-q', 'mail', '-s', 'aggregating', ...group)).toBe(
      '1 tasks are now pending\n',
    );
  });

  it('are moved by state', async () => {
    await queue.seed({ archived: { a: '1h', b: '1h' }, retry: { c: '1h' } });
    const all = (action: string, state: string) => asynq.output('task', action, '-q', 'mail', '-s', state);

    expect(await all('archiveall', 'retry')).toBe('1 tasks archived\n');
    expect(await all('runall', 'archived')).toBe('3 tasks are now pending\n');
    expect(await all('deleteall', 'pending')).toBe('3 tasks deleted\n');
    expect(await asynq.json('queue', 'inspect', 'mail')).toMatchObject([{ queue: 'mail', size: 0 }]);
  });

  it('are found by their content, and only counted in a dry run', async () => {
    const flaky = { type: 'email:verify', errorMsg: 'timeout', headers: { tenant: 'a' } };
    await queue.seed({
      archived: { x1: '1h', x2: '1h', y: '1h' },
      messages: { x1: flaky, x2: { ...flaky, headers: {} } },
    });
    const find = ['task', 'find', '-q', 'mail', '-s', 'archived'];
    const filter = ['-t', 'email:*', '--id_prefix', 'x', '--error_contains', 'time', '--header', 'tenant=a'];

    expect(await asynq.json(...find, ...filter)).toMatchObject({ tasks: [{ id: 'x1' }], cursor: null });
    expect(await asynq.output(...find, '--id_prefix', 'x', '--delete', '--dry-run')).toBe('2 tasks match\n');
    expect(await asynq.output(...find, '--id_prefix', 'x', '--delete')).toBe('2 tasks deleted\n');
    expect((await asynq.rows(...find)).slice(2).map(([id]) => id)).toEqual(['y']);
  });
});

describe('queues and servers on the command line', () => {
  it('are shown although other programs have overwritten a key, and written scores beyond all dates', async () => {
    await queue.seed({ pending: ['one'], retry: { never: '1h', far: '1h', past: '1h' } });
    await connection.zadd('asynq:{mail}:retry', '+inf', 'never', '1e300', 'far', '-5', 'past');
    await connection.set('asynq:{mail}:archived', 'odd');

    const inspected = await asynq.output('queue', 'inspect', 'mail');
    const retries = await asynq.rows('task', 'ls', '-q', 'mail', '-s', 'retry');
    const archived = await asynq.run('task', 'ls', '-q', 'mail', '-s', 'archived');

    expect(inspected).toMatch(/^Wrong type: asynq:\{mail\}:archived \(counts as empty; rename or delete it\)$/m);
    expect(await asynq.output('stats')).toContain('mail');
    expect(retries.slice(2).map(([id]) => id)).toEqual(['past', 'far', 'never']);
    expect(archived).toMatchObject({ status: 1, stdout: '' });
    expect(archived.stderr).toContain('asynq:{mail}:archived holds a string, not a zset: rename or delete the key');
  });

  it('shows, pauses, resumes and removes queues', async () => {
    await queue.seed({ pending: ['one'] });

    expect(await asynq.output('queue', 'ls')).toBe('mail\n');
    expect(await asynq.output('queue', 'pause', 'mail')).toBe('Successfully paused queue "mail"\n');
    expect(await asynq.output('queue', 'inspect', 'mail')).toMatch(/^Paused: true$/m);
    expect(await asynq.output('queue', 'unpause', 'mail')).toBe('Successfully unpaused queue "mail"\n');
    expect((await asynq.rows('queue', 'history', 'mail', '-x', '3')).slice(4)).toHaveLength(3);
    expect(await asynq.run('queue', 'rm', 'mail')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'error: queue "mail" is not empty; --force removes it with its tasks\n',
    });
    expect(await asynq.output('queue', 'rm', '--force', 'mail')).toBe('Successfully removed queue "mail"\n');
    expect(await asynq.output('queue', 'ls')).toBe('');
  });

  it('removes a queue with all its keys', async () => {
    await queue.seed({ pending: ['one'], completed: { two: '1h' } });

    expect(await asynq.output('queue', 'rm', '-f', '--purge', 'mail')).toBe('Successfully removed queue "mail"\n');
    expect(await connection.keys('*')).toEqual([]);
  });

  it('shows running servers, and cancels their tasks', async () => {
    const conditions = new Conditions();
    const seen: string[] = [];
    const note = (what: string): void => {
      seen.push(what);
      conditions.check();
    };
    const mux = new ServeMux().handle('email', async (_payload, { signal }) => {
      note('started');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      note('canceled');
    });
    const connection = { url: redis.url };
    await using client = new Client({ connection });
    const server = new Server({ connection, queues: { mail: 3, low: 1 }, concurrency: 4, logger: silentLogger });
    await server.start(mux);
    await client.enqueue('email', undefined, { queue: 'mail', taskId: 'one' });
    await conditions.until(() => seen.includes('started'));

    await expect.poll(() => asynq.rows('server', 'ls')).toHaveLength(3); // the server shows itself
    const rows = await asynq.rows('server', 'ls');
    const stats = await asynq.json('stats');
    const canceled = await asynq.output('task', 'cancel', 'one');
    await conditions.until(() => seen.includes('canceled'));
    await server.shutdown();

    const workers = expect.stringMatching(/^[01]\/4$/) as string;
    expect(rows[0]).toEqual(['Host', 'PID', 'State', 'Active Workers', 'Queues', 'Started']);
    expect(rows[2]!.slice(1, 5)).toEqual([String(process.pid), 'active', workers, 'mail:3 low:1']);
    expect(stats).toMatchObject({ aggregate: { active: 1 } });
    const mail = expect.objectContaining({ Queue: 'mail', Active: 1 }) as object;
    expect(stats).toHaveProperty('queues', expect.arrayContaining([mail]));
    expect(stats).toHaveProperty('redis.redis_version');
    expect(canceled).toBe('Sent cancelation signal for task one\n');
  });

  it('shows periodic tasks and what they enqueued', async () => {
    const entry = {
      id: 'entry-1',
      spec: '@every 1h',
      taskType: 'report',
      taskPayload: Buffer.from('{}'),
      enqueueOptions: ['Queue("low")', 'MaxRetry(3)'],
      nextEnqueueAtMs: Date.now() + 3_600_000,
      prevEnqueueAtMs: undefined,
    };
    await queue.broker.writePlan('scheduler', [entry], 60);
    await queue.broker.recordEnqueueEvent('entry-1', { taskId: 'one', enqueuedAtNs: 1_700_000_000_500_000_000n });

    const [titles, , row] = await asynq.rows('cron', 'ls');
    const next = expect.stringMatching(/^In (59m\d+s|1h0m0s)$/) as string;
    expect(titles).toEqual(['EntryID', 'Spec', 'Type', 'Payload', 'Options', 'Next', 'Prev']);
    expect(row).toEqual(['entry-1', '@every 1h', 'report', '{}', '[Queue("low") MaxRetry(3)]', next, 'N/A']);
    expect((await asynq.rows('cron', 'history', 'entry-1')).slice(2)).toEqual([
      ['TaskID', 'EnqueuedAt'],
      ['------', '----------'],
      ['one', '2023-11-14 22:13:20.5 +0000 UTC'],
    ]);
  });

  it('shows and controls stored schedules, with a scheduler and without', async () => {
    const scheduler = new Scheduler({ connection: { url: redis.url }, logger: silentLogger });
    scheduler.register('@every 1h', 'report:build', { kind: 'daily' }, { name: 'daily report', queue: 'mail' });
    await scheduler.start();
    const id = ['mail', 'daily report'];
    const rows = async () => (await asynq.rows('cron', 'schedules')).slice(2);
    const row = (...rest: unknown[]) => ['mail', 'daily report', '@every 1h', 'report:build', ...rest];
    await expect.poll(() => asynq.rows('cron', 'ls')).toHaveLength(3); // the scheduler shows its plan

    expect(await rows()).toEqual([row('live', expect.stringMatching(/^In (59m\d+s|1h0m0s)$/), 'N/A')]);
    expect(await asynq.output('cron', 'pause', ...id)).toBe(
      'Successfully paused schedule "daily report" of queue "mail"\n',
    );
    expect(await asynq.run('cron', 'pause', ...id)).toEqual({
      status: 1,
      stdout: '',
      stderr: 'error: schedule "daily report" of queue "mail" is already paused\n',
    });
    await scheduler.shutdown();
    expect(await rows()).toEqual([row('paused', 'N/A', 'N/A')]);
    expect(await asynq.json('cron', 'resume', ...id)).toEqual({ resumed: { queue: 'mail', name: 'daily report' } });
    expect(await asynq.json('cron', 'run', ...id)).toMatchObject({
      queue: 'mail',
      type: 'report:build',
      initialState: 'pending',
    });
    expect(await asynq.rows('task', 'ls', '-q', 'mail', '-s', 'pending')).toHaveLength(3);
    expect(await asynq.json('cron', 'schedules', '-q', 'mail')).toMatchObject([
      { queue: 'mail', name: 'daily report', payload: '{"kind":"daily"}', isPaused: false, entryIds: [] },
    ]);
    expect(await asynq.run('cron', 'rm', 'mail', 'dayly report')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'error: no periodic task of queue "mail" is named "dayly report"; did you mean "daily report"?\n',
    });
    expect(await asynq.output('cron', 'rm', ...id)).toContain('Successfully removed');
    expect(await asynq.output('cron', 'schedules')).toBe('No stored schedules\n');
    expect(await asynqProcess.output('cron', '--help')).toContain('asynq cron pause <queue> <name>');
  });

  it('has nothing to say about an empty Redis', async () => {
    expect(await asynq.output('server', 'ls')).toBe('No running servers\n');
    expect(await asynq.output('cron', 'ls')).toBe('No scheduler entries\n');
    expect(await asynq.output('group', 'ls', '-q', 'mail')).toBe('No groups found in queue "mail"\n');
  });
});

describe('the command itself', () => {
  it('prints its version, and completes commands', async () => {
    expect(await asynqProcess.output('--version')).toMatch(/^asynq version \d+\.\d+\.\d+\n$/);
    expect(await asynqProcess.output('version')).toBe(await asynqProcess.output('--version'));
    expect(await asynqProcess.output('completion')).toContain('asynq --complete bash');
    expect(await asynqProcess.output('completion', 'zsh')).toContain('compdef');
    expect(await new AsynqCommand([]).output('--complete', 'bash', 'asynq queue ')).toMatch(/^pause/m);
  });

  it('completes names of queues, whichever way leads to Redis', async () => {
    await using folder = await temporaryFolder();
    await using cluster = await startCluster();
    const path = join(folder.path, 'redis.sock');
    await using other = await startRedis({ args: ['--unixsocket', path] });
    await using elsewhere = new Client({ connection: { url: other.url, options: { db: 3 } }, partitions: { bulk: 3 } });
    await using away = new Client({ connection: { cluster: cluster.addresses } });
    await connection.sadd('asynq:queues', 'mailing list', '中文', 'm\r\n$3');
    await connection.acl('SETUSER', 'ada', 'on', '>se cret', '~*', '&*', '+@all');
    await elsewhere.enqueue('t', 1, { queue: 'bulk' });
    await away.enqueue('t', 1, { queue: 'of-cluster' });
    const complete = async (word: string, ...flags: string[]) => {
      const line = `asynq ${flags.join(' ')} queue pause ${word}`;
      const { status, stdout } = await new AsynqCommand([]).run('--complete', 'fish', line);
      return [status, stdout];
    };
    const here = ['-u', `${redis.host}:${redis.port}`];

    expect(await complete('m', ...here)).toEqual([0, 'mail\nmailing list\n']);
    expect(await complete('中', ...here, '-U', 'ada', '"-p=se cret"')).toEqual([0, '中文\n']);
    expect(await complete('', ...here, '-U', 'ada', '-p', 'wrong')).toEqual([1, '']);
    expect(await complete('', ...here, '-n', '4')).toEqual([0, '']);
    expect(await complete('', '-u', `redis-socket://${path}?db=3`)).toEqual([0, 'bulk\n']);
    expect(
      await complete('', '--cluster_addrs', cluster.addresses.map((one) => `${one.host}:${one.port}`).join()),
    ).toEqual([...[0, 'of-cluster\n']]);
    expect(await complete('', '-u', '127.0.0.1:1')).toEqual([1, '']);
  });

  it('ends with one line and a status when it fails', async () => {
    const away = new AsynqCommand(['--uri', '127.0.0.1:1']);

    expect(await asynqProcess.run('queue', 'lst')).toEqual({
      status: 2,
      stdout: '',
      stderr: 'error: Did you mean list?\n',
    });
    expect(await away.run('queue', 'ls')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^error: .*\n$/),
    });
  });
});

describe('partitioned queues on the command line', () => {
  it('are one queue, whose partitions are shown where they matter', async () => {
    await using client = new Client({ connection: { url: redis.url }, partitions: { bulk: 3 } });
    await client.enqueueMany(
      Array.from({ length: 6 }, (_, n) => ({ type: 't', payload: n, options: { queue: 'bulk' } })),
    );
    const [info] = (await asynq.json('queue', 'inspect', 'bulk')) as [{ partitions: { queue: string }[] }];
    const names = info.partitions.map((partition) => partition.queue);

    const enqueue = ['task', 'enqueue', '-t', 't', '-l', '{}', '-q', 'bulk', '-i', 'own', '--partition_key', 'k'];
    const enqueued = await asynq.output(...enqueue);
    const again = await asynq.run(...enqueue);
    const listed = await asynq.rows('task', 'ls', '-q', 'bulk', '-s', 'pending');
    const inspected = await asynq.output('queue', 'inspect', 'bulk');

    expect(names).toHaveLength(3);
    expect(await asynq.output('queue', 'ls')).toBe('bulk\nmail\n');
    expect(enqueued).toBe('Enqueued task own to queue bulk\n');
    expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining('in queue "bulk"') });
    expect(listed[0]).toEqual(['ID', 'Type', 'Payload', 'Partition']);
    expect(listed).toHaveLength(9);
    expect(new Set(listed.slice(2).map((row) => row[3]))).toEqual(new Set(names));
    for (const name of names) expect(inspected).toMatch(new RegExp(`^${name} +[23] +0 +[23] .*false$`, 'm'));
    expect(await asynq.output('task', 'inspect', '-q', 'bulk', '-i', 'own')).toMatch(/^Partition: bulk:p\d-[a-z]{2}$/m);
    expect(await asynq.output('queue', 'rm', 'bulk', '--force')).toBe('Successfully removed queue "bulk"\n');
    expect(await asynq.output('queue', 'ls')).toBe('mail\n');
  });
});

describe('ways to Redis', () => {
  it('are read from the environment and from a file', async () => {
    await queue.seed({ pending: ['one'] });
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, '.asynq.yaml'), `uri: ${redis.host}:${redis.port}\n`);

    expect(await new AsynqCommand([], { URI: `${redis.host}:${redis.port}` }).output('queue', 'ls')).toBe('mail\n');
    expect(await new AsynqCommand([], { ASYNQ_URI: redis.url }).output('queue', 'ls')).toBe('mail\n');
    expect(await new AsynqCommand([], { HOME: folder.path }).output('queue', 'ls')).toBe('mail\n');
  });

  it('may require a user and a password', async () => {
    await connection.acl('SETUSER', 'ada', 'on', '>secret', '~*', '&*', '+@all');
    await queue.seed({ pending: ['one'] });
    const address = `${redis.host}:${redis.port}`;

    expect(await asynqProcess.output('queue', 'ls', '-U', 'ada', '-p', 'secret')).toBe('mail\n');
    expect(await new AsynqCommand(['-u', `redis://ada:secret@${address}/0`]).output('queue', 'ls')).toBe('mail\n');
    expect(await asynqProcess.run('queue', 'ls', '-U', 'ada', '-p', 'wrong')).toMatchObject({ status: 1 });
  });

  it('may be a socket', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'redis.sock');
    await using server = await startRedis({ args: ['--unixsocket', path] });
    const client = new Redis(server.url);
    await client.sadd('asynq:queues', 'behind-socket');
    client.disconnect();

    expect(await new AsynqCommand(['-u', `redis-socket://${path}`]).output('queue', 'ls')).toBe('behind-socket\n');
  });

  it('may be a cluster, whose slots and nodes are shown', async () => {
    await using cluster = await startCluster();
    const addresses = cluster.addresses.map(({ host, port }) => `${host}:${port}`);
    const command = new AsynqCommand(['--cluster', '--cluster_addrs', addresses.join(',')]);
    await command.output('task', 'enqueue', '-t', 'email', '-l', '{}', '-q', 'mail');

    const [titles, , row] = await command.rows('queue', 'ls');

    expect(titles).toEqual(['Queue', 'Cluster KeySlot', 'Cluster Nodes']);
    expect(row).toEqual(['mail', expect.stringMatching(/^\d+$/), expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
    expect(addresses).toContain(row![2]);
    await using client = new Client({ connection: { cluster: cluster.addresses }, partitions: { bulk: 3 } });
    await client.enqueue('t', {}, { queue: 'bulk' });
    const [bulk, ...partitions] = (await command.rows('queue', 'ls')).slice(2, -1);
    expect(bulk![0]).toBe('bulk');
    expect(new Set(partitions.map(([, , node]) => node))).toEqual(new Set(addresses));
    expect(await command.output('stats')).toMatch(/^OK +3 +3$/m);
    // Without --cluster, two of the three nodes do not hold the names of the queues.
    const alone = await Promise.all(addresses.map((one) => new CommandInProcess(['-u', one]).run('queue', 'ls')));
    expect(
      alone.filter(({ stderr }) => stderr.includes('this is a node of a Redis Cluster: add --cluster')),
    ).toHaveLength(2);
  });
});

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'asynq-cli-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
