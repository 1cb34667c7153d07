import { errorText, type StoreNode } from '@nestjs-asynq/core/internal';
import type { RedisAnswer, RedisNode, RedisWarning } from '../api/fleet.js';
import { RequestError } from '../http/request.error.js';
import { QueueRows } from '../readings/queue-rows.js';
import type { Read } from './read.js';

const MOST_QUEUES = 200;
const NEARLY_FULL = 0.9;

/** The nodes and their figures: about all queues at once, so only for those who may see all of them. */
export const readRedis: Read = async ({ board, viewer, query }) => {
  query.done();
  if (!viewer.seesAll) throw new RequestError(403, 'FORBIDDEN', 'only for those who may see all queues');
  const { inspector, readings } = board;
  const [nodes, , info] = await Promise.all([inspector.redisNodes(), readings.ready(), inspector.redisInfo()]);
  const isCluster = 'cluster_state' in info;
  const rows = new QueueRows(readings, viewer, board.nowMs());
  const largest = isCluster ? (await rows.sorted(await rows.names(), 'size', 'desc')).slice(0, MOST_QUEUES) : [];
  const answer: RedisAnswer = {
    nowMs: board.nowMs(),
    kind: nodes.length === 0 ? 'memory' : isCluster ? 'cluster' : 'redis',
    nodes: nodes.map(toNode),
    cluster: isCluster ? info : {},
    queues: await Promise.all(
      largest.map(async (queue) => ({
        queue,
        slot: await inspector.clusterSlot(queue),
        nodes: (await inspector.clusterNodes(queue).catch(() => [])).map(({ address }) => address),
      })),
    ),
  };
  return answer;
};

function toNode({ address, info, error }: StoreNode): RedisNode {
  const number = (name: string): number | undefined => {
    const value = Number(info[name] ?? Number.NaN);
    return Number.isFinite(value) ? value : undefined;
  };
  const lastSaveS = number('rdb_last_save_time');
  return {
    address,
    role: info['role'] === 'master' ? 'master' : info['role'] === 'slave' ? 'replica' : 'unknown',
    problem: error === undefined ? undefined : errorText(error),
    version: info['valkey_version'] ?? info['redis_version'],
    uptimeS: number('uptime_in_seconds'),
    usedBytes: number('used_memory'),
    peakBytes: number('used_memory_peak'),
    maxBytes: number('maxmemory'),
    fragmentation: number('mem_fragmentation_ratio'),
    clients: number('connected_clients'),
    replicas: number('connected_slaves'),
    opsPerS: number('instantaneous_ops_per_sec'),
    evictedKeys: number('evicted_keys'),
    evictionPolicy: info['maxmemory_policy'],
    lastSaveAtMs: lastSaveS === undefined ? undefined : lastSaveS * 1000,
    changesSinceSave: number('rdb_changes_since_last_save'),
    appendOnly: info['aof_enabled'] === undefined ? undefined : info['aof_enabled'] === '1',
    warnings: warningsOf(info, number),
    info,
  };
}

function warningsOf(
  info: Readonly<Record<string, string>>,
  number: (name: string) => number | undefined,
): RedisWarning[] {
  const [used = 0, max = 0] = [number('used_memory'), number('maxmemory')];
  const policy = info['maxmemory_policy'] ?? 'noeviction';
  const hasLimit = max > 0;
  const found: Readonly<Record<RedisWarning, boolean>> = {
    evicts: policy !== 'noeviction',
    hasEvicted: (number('evicted_keys') ?? 0) > 0,
    nearlyFull: hasLimit && used / max > NEARLY_FULL,
    // Without snapshots `rdb_last_save_time` stays at the start of the server.
    notPersistent:
      info['aof_enabled'] === '0' &&
      number('rdb_saves') === 0 &&
      (number('rdb_changes_since_last_save') ?? 0) > 0 &&
      (number('uptime_in_seconds') ?? 0) > 3_600,
    saveFailed: info['rdb_last_bgsave_status'] === 'err',
    appendFailed: info['aof_enabled'] === '1' && info['aof_last_write_status'] === 'err',
    loading: info['loading'] === '1',
    replicaLinkDown: info['role'] === 'slave' && info['master_link_status'] === 'down',
  };
  return (Object.keys(found) as RedisWarning[]).filter((name) => found[name]);
}
