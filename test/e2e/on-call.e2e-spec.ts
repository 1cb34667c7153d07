import { readFileSync } from 'node:fs';
import { Client, Inspector, ServeMux, Server, silentLogger } from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type CommandResult, CommandInProcess } from '../support/asynq-command.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { openRedisQueue } from '../support/test-queue.js';

const PAGE = readFileSync(new URL('../../docs/guide/on-call.md', import.meta.url), 'utf8');

let redis: RedisServer;
let connection: Redis;
let client: Client;
let server: Server;
let inspector: Inspector;
let asynq: CommandInProcess;

/** The mess of the page: a paused queue, a runaway, failures, a queue that nobody serves. */
beforeAll(async () => {
  redis = await startRedis();
  connection = new Redis(redis.url);
  client = new Client({ connection: { url: redis.url }, logger: silentLogger });
  inspector = new Inspector({ connection: { url: redis.url }, logger: silentLogger });
  asynq = new CommandInProcess(['-u', redis.url]);
  const nowMs = Date.now();
  const atS = (agoMs: number): bigint => BigInt(Math.floor((nowMs - agoMs) / 1_000));
  const open = async (name: string) => {
    await connection.sadd('asynq:queues', name);
    return openRedisQueue(connection, { name, clock: new FakeClock(nowMs) });
  };

  const mail = await open('mail');
  await mail.seed({
    pending: ['welcome'],
    messages: { welcome: { type: 'email:welcome', payload: Buffer.from('{"memberId":42}') } },
  });
  await connection.set('asynq:{mail}:paused', String(atS(2 * 3_600_000)));

  const images = await open('images');
  const old = { errorMsg: 'timeout: s3', lastFailedAtS: atS(5 * 3_600_000) };
  const recent = { errorMsg: 'Error: timeout: s3\n    at put (/app/s3.js:7)', lastFailedAtS: atS(600_000) };
  await images.seed({
    archived: { 'old-0': '5h', 'old-1': '5h', 'new-0': '10m', 'new-1': '10m', 'new-2': '10m' },
    retry: { 'once-more': '1h' },
    messages: {
      ...{ 'old-0': old, 'old-1': old, 'new-0': recent, 'new-1': recent },
      'new-2': { errorMsg: 'no such image', lastFailedAtS: atS(600_000) },
      'once-more': { errorMsg: 'no such image', lastFailedAtS: atS(60_000), payload: Buffer.from('{"memberId":42}') },
    },
  });

  const reports = await open('reports');
  const newsletter = { type: 'Newsletter:send' };
  await reports.seed({
    pending: ['first', 'n-1', 'n-2', 'urgent', 'later', 'elsewhere'],
    scheduled: { monthly: '1h', 'n-3': '2h' },
    messages: { 'n-1': newsletter, 'n-2': newsletter, 'n-3': newsletter },
  });

  server = new Server({
    connection: { url: redis.url },
    queues: { video: 1 },
    concurrency: 2,
    shutdownTimeout: 1,
    logger: silentLogger,
  });
  await server.start(
    new ServeMux().handle('video:transcode', (_payload, { signal }) => {
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    }),
  );
  for (const n of [1, 2, 3]) await client.enqueue('video:transcode', {}, { queue: 'video', taskId: `transcode-${n}` });
  await vi.waitUntil(async () => (await inspector.servers())[0]?.workers.length === 2, 20_000);
});

afterAll(async () => {
  await server.shutdown();
  await Promise.all([client.close(), inspector.close()]);
  connection.disconnect();
  await redis.stop();
});

const stateOf = async (queue: string, id: string): Promise<string> => {
  return inspector.taskInfo(queue, id).then(
    ({ state }) => state,
    () => 'gone',
  );
};

/** What each command of the page must show, and do. */
const EXPECTED: Readonly<Record<string, (result: CommandResult) => unknown>> = {
  async 'asynq doctor'({ status, stdout }) {
    expect(status).toBe(4);
    expect(stdout).toMatch(/^HIGH {2}Queue "mail": It is paused since 2h\d+m\d+s: no server starts its tasks\.$/m);
    expect(stdout).toMatch(/^HIGH {2}Queue "reports": No running server serves this queue, and 8 tasks wait\.$/m);
    expect(stdout).toMatch(
      /^HIGH {2}Queue "video": All 2 slots .* busy, 2 with this queue: 2 with "video:transcode"\.$/m,
    );
    expect(stdout).toMatch(
      /^MEDIUM {2}Queue "images": 3 tasks were archived in the last hour, 2 of them with: Error: timeout: s3\.$/m,
    );
  },
  async 'asynq queue inspect mail'({ status, stdout }) {
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Paused since: .+$/m);
    expect(stdout).toMatch(/^Latency: .* \(next: welcome, email:welcome\)$/m);
    expect(stdout).toContain('Servers: 0 (0 of 0 slots busy, 0 with this queue)');
    expect(stdout).toMatch(/^Memory: \d/m);
  },
  async 'asynq queue resume mail'() {
    expect((await inspector.queueInfo('mail')).isPaused).toBe(false);
  },
  async 'asynq server ls'({ stdout }) {
    expect(stdout).toMatch(/ 2\/2 +video:1 /);
  },
  async 'asynq task ls -q video -s active'({ stdout }) {
    expect(stdout).toMatch(/^transcode-1 +video:transcode/m);
  },
  async 'asynq task cancel transcode-1 --then archive'({ status, stdout }) {
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'transcode-1: its server is asked to abort it\n' });
    await expect.poll(() => stateOf('video', 'transcode-1')).toBe('archived');
  },
  async 'asynq task find -q images --by failure --since 1h'({ status, stdout }) {
    expect(status).toBe(0);
    expect(stdout).toMatch(/^images +retry +once-more /m);
    expect(stdout).toMatch(/^images +archived +new-0 /m);
    expect(stdout).not.toContain('old-0');
  },
  async 'asynq task inspect -q images -i new-0'({ stdout }) {
    expect(stdout).toContain('Error message: Error: timeout: s3\n    at put (/app/s3.js:7)\n');
  },
  async "asynq task find -q images -s archived --error_contains 'timeout: s3' --since 1h --run --dry_run"({ stdout }) {
    expect(stdout).toBe('2 tasks match\n');
    expect(await stateOf('images', 'new-0')).toBe('archived');
  },
  async "asynq task find -q images -s archived --error_contains 'timeout: s3' --since 1h --run"({ stdout }) {
    expect(stdout).toBe('2 tasks are now pending\n');
    expect(await Promise.all(['new-0', 'new-1', 'new-2', 'old-0'].map((id) => stateOf('images', id)))).toEqual([
      ...['pending', 'pending', 'archived', 'archived'],
    ]);
  },
  async 'asynq task find --payload_contains \'"memberId":42\''({ status, stdout }) {
    expect(status).toBe(0);
    expect(stdout.match(/welcome|once-more/g)?.toSorted()).toEqual(['once-more', 'welcome', 'welcome']);
  },
  async 'asynq queue pause reports'() {
    expect((await inspector.queueInfo('reports')).isPaused).toBe(true);
  },
  async "asynq task find -q reports -t 'newsletter:*' --ignore_case --delete --dry_run"({ stdout }) {
    expect(stdout).toBe('3 tasks match\n');
  },
  async "asynq task find -q reports -t 'newsletter:*' --ignore_case --delete --yes"({ stdout }) {
    expect(stdout).toBe('3 tasks deleted\n');
    expect((await inspector.queueInfo('reports')).size).toBe(5);
  },
  async 'asynq task promote -q reports -i urgent'() {
    expect((await inspector.listTasks('reports', 'pending')).map(({ id }) => id)).toEqual([
      ...['urgent', 'first', 'later', 'elsewhere'],
    ]);
  },
  async 'asynq task reschedule -q reports -i later --process_in 2h'() {
    const { state, nextProcessAt } = await inspector.taskInfo('reports', 'later');
    expect(state).toBe('scheduled');
    expect(nextProcessAt!.getTime() - Date.now()).toBeGreaterThan(7_000_000);
  },
  async 'asynq task move -q reports -i elsewhere --to mail'() {
    expect([await stateOf('reports', 'elsewhere'), await stateOf('mail', 'elsewhere')]).toEqual(['gone', 'pending']);
  },
  async 'asynq task edit -q reports -i monthly -l \'{"month":"2026-03"}\''() {
    expect(Buffer.from((await inspector.taskInfo('reports', 'monthly')).payload).toString()).toBe(
      '{"month":"2026-03"}',
    );
  },
  async 'asynq task run -q reports -i monthly'() {
    expect(await stateOf('reports', 'monthly')).toBe('pending');
  },
};

const commands = [...PAGE.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) => block!.trim().split('\n'));

it('is a page of ten jobs, each command of which has its expectation', () => {
  expect(PAGE.match(/^## \d+\. /gm)).toHaveLength(10);
  expect(commands).toEqual(Object.keys(EXPECTED));
});

// In the order of the page: each works on the mess that the earlier ones left.
it.each(commands)('%s', async (command) => {
  const [, ...args] = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);

  const result = await asynq.run(...args);

  expect(result.stderr).toBe('');
  await EXPECTED[command]!(result);
});
