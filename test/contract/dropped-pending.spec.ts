import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Client, Inspector, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { startRedis } from '../support/redis-server.js';

const run = promisify(execFile);
const GUIDE = new URL('../../docs/guide/production.md', import.meta.url);
const QUEUE = 'email';

const hasRedisCli = await run('redis-cli', ['--version']).then(
  () => true,
  () => false,
);

/** The commands of the guide, sent to the server on a port. */
async function documentedRepair(port: number): Promise<string> {
  const guide = await readFile(GUIDE, 'utf8');
  const [, commands] = /### When Redis has dropped `pending`[^]*?```bash\n([^]*?)```/.exec(guide)!;
  return commands!.replaceAll(/redis-cli (?=--scan|eval)/g, `redis-cli -p ${port} `);
}

it.skipIf(!hasRedisCli)('an operator puts tasks of a dropped pending list back, each once, and no others', async () => {
  await using redis = await startRedis();
  await using client = new Client({ connection: { url: redis.url }, defaults: { queue: QUEUE }, logger: silentLogger });
  await using inspector = new Inspector({ connection: { url: redis.url } });
  const dropped = Array.from({ length: 1_200 }, (_, nth) => `dropped ${nth}`);
  const listed = ['listed-0', 'listed-1'];
  await client.enqueueMany(dropped.map((taskId) => ({ type: 'work', options: { taskId } })));
  const admin = new Redis(redis.url);
  await admin.del(`asynq:{${QUEUE}}:pending`);
  await client.enqueueMany(listed.map((taskId) => ({ type: 'work', options: { taskId } })));
  await client.enqueue('work', undefined, { taskId: 'later', processIn: '1h' });
  await admin.hset(`asynq:{${QUEUE}}:t:stub`, 'state', 'pending');
  const repair = await documentedRepair(redis.port);

  const first = await run('bash', ['-c', repair]);
  const second = await run('bash', ['-c', repair]);

  const counts = ({ stdout }: { stdout: string }): number =>
    stdout
      .trim()
      .split('\n')
      .reduce((sum, line) => sum + Number(line), 0);
  expect([counts(first), counts(second)]).toEqual([dropped.length, 0]);
  const ids = await admin.lrange(`asynq:{${QUEUE}}:pending`, 0, -1);
  admin.disconnect();
  expect(ids.toSorted()).toEqual([...dropped, ...listed].toSorted());
  expect(await inspector.queueInfo(QUEUE)).toMatchObject({ pending: 1_202, scheduled: 1 });
});
