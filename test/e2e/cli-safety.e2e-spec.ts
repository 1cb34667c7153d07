import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CommandInProcess } from '../support/asynq-command.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { Terminal } from '../support/terminal.js';
import { openRedisQueue, type TestQueue } from '../support/test-queue.js';

const MAIN = join(import.meta.dirname, '../../apps/cli/dist/main.js');
const ENV = { PATH: process.env['PATH']!, HOME: join(tmpdir(), 'nobody') };

let redis: RedisServer;
let connection: Redis;
let asynq: CommandInProcess;
let address: string;

beforeAll(async () => {
  redis = await startRedis();
  connection = new Redis(redis.url);
  address = `${redis.host}:${redis.port}`;
  asynq = new CommandInProcess(['-u', address]);
});

afterAll(async () => {
  connection.disconnect();
  await redis.stop();
});

beforeEach(async () => {
  await connection.flushall();
});

/** A queue with archived tasks of these ids. */
async function seeded(name: string, count: number): Promise<TestQueue> {
  const queue = openRedisQueue(connection, { name });
  await connection.sadd('asynq:queues', name);
  const ids = Array.from({ length: count }, (_, n) => [`${name}-${n}`, '1h'] as const);
  await queue.seed({ archived: Object.fromEntries(ids) });
  return queue;
}

const archived = (queue: string): Promise<number> => connection.zcard(`asynq:{${queue}}:archived`);

describe('Ctrl-C', () => {
  it('ends the work on several queues: what was not begun stays as it is', async () => {
    await seeded('aaa', 20_000);
    await seeded('bbb', 2);
    await seeded('ccc', 2);
    const child = spawn(process.execPath, [MAIN, '-u', address, 'queue', 'rm', '--force', 'aaa', 'bbb', 'ccc'], {
      env: ENV,
    });
    const closed = once(child, 'close');
    const printed = Promise.all([text(child.stdout), text(child.stderr)]);

    await expect.poll(() => archived('aaa'), { interval: 5 }).toBeLessThan(20_000);
    child.kill('SIGINT');
    const [status] = (await closed) as [number];
    const [stdout, stderr] = await printed;

    const [, done] = /^error: "aaa": stopped after (\d+) of 20000 tasks; not begun: "bbb", "ccc"\n$/.exec(stderr) ?? [];
    expect({ status, stdout, stderr: done === undefined ? stderr : '' }).toEqual({
      status: 130,
      stdout: '',
      stderr: '',
    });
    expect(await Promise.all(['aaa', 'bbb', 'ccc'].map(archived))).toEqual([20_000 - Number(done), 2, 2]);
    expect((await connection.smembers('asynq:queues')).toSorted()).toEqual(['aaa', 'bbb', 'ccc']);
  });
});

describe('an unclear command line', () => {
  beforeEach(() => seeded('images', 3));

  it.each([
    ['task find -q images -s archived --from -24h --delete', /^error: .*write --from=-24h\n$/],
    ['task find -q images -s archived --delete --from', /^error: --from needs a value\n$/],
    [
      'task find -q images -s archived --error_contains --delete',
      /^error: --error_contains needs a value; for "--delete"/,
    ],
    ['task find -q images -s archived --delete --dryrun', /^error: .*dryrun/],
    ['task find -q images -s archived --delete -fh', /^error: .*fh/],
    ['task find -q images -s archived --delete --dry_run=yes', /^error: --dry_run is "yes": true or false expected\n$/],
    ['task find -q images -s archived --delete --id_prefix=', /^error: --id_prefix is empty/],
    ['task find -q images -s archived --delete later', /^error: .*later/],
    ['task deleteall -q images -s archived --group', /^error: --group needs a value\n$/],
    ['queue rm images --force=1', /^error: --force is "1": true or false expected\n$/],
    ['task find -n abc -q images -s archived --delete', /^error: -n is "abc": a number expected\n$/],
    ['task rm -q images -i images-0 -x 5', /^error: .*x/],
  ])('does nothing, and says why: %s', async (line, message) => {
    const result = await asynq.run(...line.split(' '));

    expect(result).toEqual({ status: 2, stdout: '', stderr: expect.stringMatching(message) });
    expect(await archived('images')).toBe(3);
  });

  it('still takes a time that is written with its flag', async () => {
    const line = 'task find -q images -s archived --from=-24h --delete --dry_run';

    expect(await asynq.output(...line.split(' '))).toBe('3 tasks match\n');
  });
});

describe('another Redis than the one that was named', () => {
  it.each([
    [['--cluster_addrs'], 'the cluster'],
    [['--cluster', '-u'], 'the cluster'],
  ])('is never asked: %j', async (flags, place) => {
    const result = await new CommandInProcess([...flags, '127.0.0.1:1']).run('queue', 'ls');

    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toContain(`cannot reach Redis at ${place} 127.0.0.1:1`);
  });

  it.each([
    [['--master_name', 'main'], '--master_name needs sentinels'],
    [['-u', 'a:1', '--cluster_addrs', 'b:1'], '--uri and --cluster_addrs name different places'],
    [['--cluster_addrs', 'a:1', '-n', '2'], '--db is 2: a cluster has only database 0'],
    [['-u', '/run/redis.sock'], 'redis-socket:///run/redis.sock'],
  ])('is not guessed from %j', async (flags, message) => {
    const result = await new CommandInProcess(flags).run('queue', 'ls');

    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toContain(message);
  });
});

describe('on a terminal', () => {
  const open = (...args: string[]): Terminal =>
    new Terminal(process.execPath, [MAIN, '-u', address, ...args], ENV, { columns: 100, lines: 12 });

  it('work on all tasks asks first, with their number', async () => {
    await seeded('images', 3);
    using refused = open('task', 'deleteall', '-q', 'images', '-s', 'archived');
    await refused.shows('Delete 3 archived tasks of queue "images"? [y/N]');
    refused.type('n\r');
    expect(await refused.ended()).toBe(1);
    expect(refused.text).toContain('error: nothing was changed');
    expect(await archived('images')).toBe(3);

    using agreed = open('task', 'find', '-q', 'images', '--id_prefix', 'images-1', '--delete');
    await agreed.shows('Delete 1 matching task? [y/N]');
    agreed.type('y\r');
    expect(await agreed.ended()).toBe(0);
    expect(await archived('images')).toBe(2);
  });

  it('lists are cut to its width, and nothing else is', async () => {
    const queue = await seeded('images', 0);
    await queue.seed({
      archived: { one: '1h' },
      messages: { one: { payload: Buffer.from(`{"a":"${'x'.repeat(200)}"}`) } },
    });
    using terminal = open('task', 'ls', '-q', 'images', '-s', 'archived');

    expect(await terminal.ended()).toBe(0);

    expect(terminal.text).toMatch(/^one +test:task +\{"a":"x+….*$/m);
    expect(await asynq.output('task', 'ls', '-q', 'images', '-s', 'archived')).toContain('x'.repeat(200));
  });
});

describe('a warning', () => {
  it('tells of a pause of a queue that does not exist', async () => {
    expect(await asynq.run('queue', 'pause', 'nosuch')).toEqual({
      status: 0,
      stdout: 'Successfully paused queue "nosuch"\n',
      stderr: 'warning: no queue "nosuch" exists; it is paused if it ever comes to exist\n',
    });
  });

  it('tells of a task that nobody runs, and of a payload that is no JSON', async () => {
    expect(await asynq.run('task', 'cancel', 'nope')).toEqual({
      status: 0,
      stdout: 'Sent cancelation signal for task nope\n',
      stderr: 'warning: nobody runs task nope: no queue has it\n',
    });
    const { stdout, stderr } = await asynq.run('task', 'enqueue', '-t', 'email', '-l', '{"secret": x}', '-i', 'one');
    expect({ stdout, stderr }).toEqual({
      stdout: 'Enqueued task one to queue default\n',
      stderr: expect.stringMatching(/^warning: the payload looks like JSON, but is not[^"]*\n$/) as string,
    });
  });
});
