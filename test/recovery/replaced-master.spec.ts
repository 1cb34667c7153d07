import { Client, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { startReplicaOf, startRedis } from '../support/redis-server.js';
import { startSentinel } from '../support/sentinel.js';

it('leaves a master that answers as soon as the sentinels name another one', async () => {
  await using master = await startRedis();
  await using replica = await startReplicaOf(master);
  await using sentinel = await startSentinel(master, 'guard', { downAfterMs: 500 });
  const url = `redis-sentinel://:guard@127.0.0.1:${sentinel.port}?master=main`;
  await using client = new Client({ connection: { url }, logger: silentLogger });
  const [old, successor] = [new Redis(master.url), new Redis(replica.url)];
  await client.enqueue('before');

  await Promise.all([sentinel.logged('+switch-master'), down(old)]);

  await expect
    .poll(async () => {
      const { id, queue } = await client.enqueue('after');
      return successor.exists(`asynq:{${queue}}:t:${id}`);
    })
    .toBe(1);
  old.disconnect();
  successor.disconnect();
});

/** For the sentinel, which cannot tell it that it is a replica now. All others get their answers. */
const down = (master: Redis): Promise<unknown> =>
  master.call('ACL', 'SETUSER', 'default', '-ping', '-replicaof', '-slaveof');
