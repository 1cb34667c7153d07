import { beforeAll } from 'vitest';
import { describeEveryRole } from '../contract/every-role.js';
import { withoutCommands } from '../contract/missing-commands.js';
import { shareRedis } from '../contract/shared-redis.js';
import { setUser, documentedRights } from '../support/documented-rights.js';
import { openRedisQueue } from '../support/test-queue.js';

const redis = shareRedis();

beforeAll(async () => {
  const { fewest } = await documentedRights();
  await setUser(redis.client, 'app', fewest);
});

const openQueue = () =>
  openRedisQueue(redis.client, { connection: { url: `redis://app:secret@127.0.0.1:${redis.server.port}` } });

describeEveryRole('the fewest rights', withoutCommands(['SUBSCRIBE', 'INFO', 'CLIENT'], openQueue));
