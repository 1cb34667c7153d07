import { type Cable, openCable } from '../../../support/cable.js';
import { type RedisServer, startRedis } from '../../../support/redis-server.js';
import type { Stage } from '../trial.js';

export interface SingleStage extends Stage {
  readonly redis: RedisServer;
  readonly cable: Cable;
}

export interface SingleStageOptions {
  /** How often Redis writes its append-only file to the disk; `no`: it keeps none. Default: before each reply. */
  readonly fsync?: 'always' | 'everysec' | 'no' | undefined;
}

/** One Redis behind a proxy. */
export async function openSingleStage({ fsync = 'always' }: SingleStageOptions = {}): Promise<SingleStage> {
  const args = fsync === 'no' ? [] : ['--appendonly', 'yes', '--appendfsync', fsync];
  const redis = await startRedis({ args });
  const cable = await openCable(redis);
  return {
    redis,
    cable,
    connection: { url: cable.url },
    async [Symbol.asyncDispose]() {
      await cable[Symbol.asyncDispose]();
      await redis.stop();
    },
  };
}
