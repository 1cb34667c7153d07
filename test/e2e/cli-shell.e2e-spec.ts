import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AsynqCommand } from '../support/asynq-command.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { Terminal } from '../support/terminal.js';
import { openRedisQueue, type TestQueue } from '../support/test-queue.js';

const MAIN = join(import.meta.dirname, '../../apps/cli/dist/main.js');
const run = promisify(execFile);

let redis: RedisServer;
let connection: Redis;
let queue: TestQueue;
const asynq = new AsynqCommand([]);

beforeAll(async () => {
  redis = await startRedis();
  connection = new Redis(redis.url);
  queue = openRedisQueue(connection, { name: 'mail' });
  await connection.sadd('asynq:queues', 'mail');
});

afterAll(async () => {
  connection.disconnect();
  await redis.stop();
});

it('shows help: all flags without a command, and the flags of a command', async () => {
  expect(await asynq.output('--help')).toMatch(/--sentinel_addrs.*\n(.*\n)*Examples:/);
  expect(await asynq.output()).toBe(await asynq.output('--help'));

  const ofCommand = await asynq.output('task', 'find', '--help');

  expect(ofCommand).toContain('--payload_contains');
  expect(ofCommand).not.toContain('--sentinel_addrs');
  expect(ofCommand).toContain('connection flags: asynq --help');
});

it('ends quietly when its output is closed', async () => {
  const ids = Array.from({ length: 3_000 }, (_, n) => `task-${n}`);
  await queue.seed({ pending: ids });
  const list = `'${process.execPath}' '${MAIN}' -u ${redis.url} task ls -q mail -s pending --size 3000`;

  const { stdout, stderr } = await run('bash', ['-c', `${list} | head -n 1; echo "\${PIPESTATUS[0]}"`]);

  expect(stdout).toMatch(/^ID +Type +Payload\n0\n$/);
  expect(stderr).toBe('');
});

it('does all of its work although nobody reads its errors', async () => {
  await connection.sadd('asynq:queues', 'empty-1', 'empty-2');
  const removal = `'${process.execPath}' '${MAIN}' -u ${redis.url} queue rm nobodys empty-1 nobodys-2 empty-2`;

  const { stdout } = await run('bash', ['-c', `{ ${removal}; echo "$?" >&3; } 3>&1 2> >(exit) >/dev/null`]);

  expect(stdout).toBe('1\n');
  expect(await connection.smembers('asynq:queues')).toEqual(['mail']);
});

it('says in one line that its output cannot be written', async () => {
  const { stdout } = await run('bash', [
    '-c',
    `'${process.execPath}' '${MAIN}' -u ${redis.url} stats 2>&1 >/dev/full; echo $?`,
  ]);

  expect(stdout).toBe('error: the output cannot be written: ENOSPC: no space left on device, write\n1\n');
});

it('completes commands, flags and names of queues in bash, wherever the flags stand', async () => {
  await connection.sadd('asynq:queues', 'list:daily', 'list of $all');
  const at = `${redis.host}:${redis.port}`;
  using bash = new Terminal(
    'bash',
    ['--norc', '--noprofile', '-i'],
    { PATH: process.env['PATH']!, HOME: join(tmpdir(), 'nobody'), PS1: '$ ', HISTFILE: '/dev/null', REDIS: at },
    { columns: 120, lines: 40 },
  );
  const completed = async (typed: string): Promise<string> => {
    bash.type(`${typed}#`);
    await bash.shows(/^\$ .*#$/m);
    const [, line] = /^\$ (.*)#$/m.exec(bash.text)!;
    bash.type('\u0015'); // Ctrl-U: an empty line
    await bash.shows(/^\$ ?$/m);
    return line!;
  };
  bash.type(`asynq() { '${process.execPath}' '${MAIN}' "$@"; }; source <(asynq completion bash); clear; echo ready\n`);
  await bash.shows(/^ready/m);

  expect(await completed('asynq que\t')).toBe('asynq queue ');
  expect(await completed('asynq task ls --sta\tre\t')).toBe('asynq task ls --state retry ');
  expect(await completed(`asynq -u ${at} queue pau\tm\t`)).toBe(`asynq -u ${at} queue pause mail `);
  expect(await completed(`asynq --uri=${at} task ls --queue=m\t`)).toBe(`asynq --uri=${at} task ls --queue=mail `);
  expect(await completed('asynq -u $REDIS queue pause list:\t')).toBe('asynq -u $REDIS queue pause list:daily ');
  expect(await completed(`asynq -u${at} queue rm list\\ \t`)).toBe(`asynq -u${at} queue rm list\\ of\\ \\$all `);
  expect(await completed(`asynq -u ${at} queue rm "list \t`)).toBe(`asynq -u ${at} queue rm "list of \\$all" `);
});

it('stops bulk work at Ctrl-C, after the current batch', async () => {
  const total = 20_000;
  const ids = Array.from({ length: total }, (_, n) => `bulk-${n}`);
  await queue.seed({ archived: Object.fromEntries(ids.map((id) => [id, '1h'])) });
  using terminal = new Terminal(
    process.execPath,
    [MAIN, '-u', redis.url, 'task', 'deleteall', '-q', 'mail', '-s', 'archived', '--yes'],
    { PATH: process.env['PATH']!, HOME: join(tmpdir(), 'nobody') },
    { columns: 100, lines: 10 },
  );

  await terminal.shows(/█.* \d+\/20000 tasks/);
  terminal.type('\u0003');

  expect(await terminal.ended()).toBe(130);
  const [, done] = /^error: stopped after (\d+) of 20000 tasks$/m.exec(terminal.text)!;
  expect(await connection.zcard('asynq:{mail}:archived')).toBe(total - Number(done));
});
