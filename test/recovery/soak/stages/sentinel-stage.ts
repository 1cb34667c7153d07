import { Redis } from 'ioredis';
import { sleep } from '../../../support/load.js';
import { type RedisServer, startRedis, startReplicaOf } from '../../../support/redis-server.js';
import { startSentinel } from '../../../support/sentinel.js';
import type { Stage } from '../trial.js';
import { asAdmin } from './admin.js';

const CHECK_MS = 50;
const PASSWORD = 'guard';
const REPLICAS = 2;
const ON_DISK = { appendOnly: true };

export interface SentinelStage extends Stage {
  /** As the sentinel names it. */
  master(): Promise<RedisServer>;
  /** Resolves when another server than this one is the master and takes writes. */
  hasMovedFrom(master: RedisServer): Promise<void>;
  /** `SENTINEL FAILOVER`: a replica takes over although the master lives. */
  failover(): Promise<void>;
  /** Resolves when the master has all its replicas, up to date. */
  isWhole(): Promise<void>;
}

/**
 * A master with two replicas, under a sentinel. What clients enqueue counts as accepted when both have it: until the sentinel
 * has told all others, the old master still takes writes, and a replica that was not promoted confirms them.
 */
export async function openSentinelStage(): Promise<SentinelStage> {
  const first = await startRedis(ON_DISK);
  const replicas = [await startReplicaOf(first, ON_DISK), await startReplicaOf(first, ON_DISK)];
  const servers = [first, ...replicas];
  const guard = await startSentinel(first, PASSWORD, { downAfterMs: 1_000 });
  const sentinel = new Redis({ port: guard.port, password: PASSWORD });
  const url = `redis-sentinel://:${PASSWORD}@127.0.0.1:${guard.port}?master=main`;

  async function master(): Promise<RedisServer> {
    const [, port] = (await sentinel.call('SENTINEL', 'get-master-addr-by-name', 'main')) as [string, string];
    return servers.find((server) => server.port === Number(port))!;
  }

  const roleOf = (server: RedisServer): Promise<string> => asAdmin(server, (admin) => admin.info('replication'));

  const isComplete = async (): Promise<boolean> => {
    const replication = await roleOf(await master());
    return replication.includes('role:master') && replication.match(/state=online/g)?.length === REPLICAS;
  };
  const knowsAll = async (): Promise<boolean> => {
    const known = (await sentinel.call('SENTINEL', 'replicas', 'main')) as string[][];
    const isWell = (fields: string[]): boolean => !/down|disconnected/.test(fields[fields.indexOf('flags') + 1]!);
    return known.length === REPLICAS && known.every(isWell);
  };

  const stage: SentinelStage = {
    connection: { url },
    clientConnection: { url, waitForReplicas: REPLICAS },
    master,
    async hasMovedFrom(old) {
      const hasMoved = async (): Promise<boolean> => {
        const now = await master();
        return now !== old && (await roleOf(now)).includes('role:master');
      };
      while (!(await hasMoved().catch(() => false))) await sleep(CHECK_MS);
    },
    async failover() {
      await sentinel.call('SENTINEL', 'FAILOVER', 'main');
    },
    async isWhole() {
      while (!(await isComplete().catch(() => false)) || !(await knowsAll())) await sleep(CHECK_MS);
    },
    async [Symbol.asyncDispose]() {
      sentinel.disconnect();
      await guard[Symbol.asyncDispose]();
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
  await stage.isWhole();
  return stage;
}
