import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { encodeServerInfo, encodeWorkerInfo } from '../../wire/server-info.js';
import { floorS } from '../../wire/unix-time.js';
import type { PresenceOps } from '../roles.js';
import type { RedisLink } from './redis-link.js';

export function presenceOps(redis: RedisLink): PresenceOps {
  /** Servers whose last beat showed running tasks, or that never beat: their next one is written in full. */
  const idle = new Set<string>();

  return {
    async writePresence(server, workers, ttlS) {
      const { host, pid, serverId } = server;
      const serverKey = keys.server(host, pid, serverId);
      const workersKey = keys.serverWorkers(host, pid, serverId);
      const expiresAtS = floorS(redis.clock.nowMs()) + ttlS;
      const info = Buffer.from(encodeServerInfo(server));
      await redis.command('ZADD', (client) => client.zadd(keys.servers, expiresAtS, serverKey));
      if (workers.length === 0 && idle.has(serverKey)) {
        // An idle fleet beats for ever: two commands are enough, there is no workers key to keep alive.
        await redis.command('SETEX', (client) => client.setex(serverKey, ttlS, info));
        return;
      }
      await redis.command('ZADD', (client) => client.zadd(keys.workers, expiresAtS, workersKey));
      await redis.run(
        scripts.writePresence,
        { server: serverKey, workers: workersKey },
        { ttlS, info },
        workers.map((worker) => ({ taskId: worker.taskId, worker: encodeWorkerInfo(worker) })),
      );
      if (workers.length === 0) idle.add(serverKey);
      else idle.delete(serverKey);
    },

    async clearPresence({ host, pid, serverId }) {
      const serverKey = keys.server(host, pid, serverId);
      const workersKey = keys.serverWorkers(host, pid, serverId);
      idle.delete(serverKey);
      await redis.command('ZREM', (client) => client.zrem(keys.servers, serverKey));
      await redis.command('ZREM', (client) => client.zrem(keys.workers, workersKey));
      await redis.command('DEL', (client) => client.del(serverKey, workersKey));
    },
  };
}
