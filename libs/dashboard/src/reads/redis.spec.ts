import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTestApp, type TestDashboard, useTestAssets } from '../test-dashboard.fixture.js';

let dash: TestDashboard;

beforeEach(async () => {
  useTestAssets();
  dash = await startTestApp();
});

afterEach(() => dash.app.close());

/** A healthy master, as it reports itself. */
const HEALTHY = {
  ...{ role: 'master', redis_version: '7.4.1', uptime_in_seconds: '90000', connected_clients: '12' },
  ...{ used_memory: '800', used_memory_peak: '900', maxmemory: '1000', maxmemory_policy: 'noeviction' },
  ...{ evicted_keys: '0', mem_fragmentation_ratio: '1.25', instantaneous_ops_per_sec: '40', connected_slaves: '1' },
  ...{ aof_enabled: '1', aof_last_write_status: 'ok', rdb_saves: '3', rdb_last_bgsave_status: 'ok', loading: '0' },
  ...{ rdb_last_save_time: '1700000000', rdb_changes_since_last_save: '7' },
};

async function nodesWith(...infos: readonly Record<string, string>[]) {
  const nodes = infos.map((info, i) => ({ address: `redis:${i}`, info: { ...HEALTHY, ...info }, error: undefined }));
  vi.spyOn(dash.inspector, 'redisNodes').mockResolvedValue(nodes);
  return (await dash.get('/monitoring/api/redis')).body.nodes;
}

describe('the nodes of Redis', () => {
  it('are shown with their figures', async () => {
    const [node] = await nodesWith({});

    expect(node).toMatchObject({
      ...{ address: 'redis:0', role: 'master', version: '7.4.1', uptimeS: 90_000, clients: 12, replicas: 1 },
      ...{ usedBytes: 800, peakBytes: 900, maxBytes: 1_000, fragmentation: 1.25, opsPerS: 40, evictedKeys: 0 },
      ...{ evictionPolicy: 'noeviction', lastSaveAtMs: 1_700_000_000_000, changesSinceSave: 7, appendOnly: true },
      warnings: [],
    });
  });

  it.each([
    ['evicts', { maxmemory_policy: 'allkeys-lru' }],
    ['hasEvicted', { evicted_keys: '5' }],
    ['nearlyFull', { used_memory: '950' }],
    ['notPersistent', { aof_enabled: '0', rdb_saves: '0' }],
    ['saveFailed', { rdb_last_bgsave_status: 'err' }],
    ['appendFailed', { aof_last_write_status: 'err' }],
    ['loading', { loading: '1' }],
    ['replicaLinkDown', { role: 'slave', master_link_status: 'down' }],
  ])('warn: %s', async (warning, info) => {
    const [odd, healthy] = await nodesWith(info, {});

    expect([odd.warnings, healthy.warnings]).toEqual([[warning], []]);
  });

  it.each([
    ['without a limit of memory', { maxmemory: '0', used_memory: '999999' }],
    ['with snapshots only', { aof_enabled: '0' }],
    ['that began a moment ago', { aof_enabled: '0', rdb_saves: '0', uptime_in_seconds: '60' }],
    ['in which nothing was changed', { aof_enabled: '0', rdb_saves: '0', rdb_changes_since_last_save: '0' }],
  ])('do not warn of one %s', async (_which, info) => {
    expect((await nodesWith(info))[0].warnings).toEqual([]);
  });

  it('that do not answer, or tell nothing, are shown as such', async () => {
    vi.spyOn(dash.inspector, 'redisNodes').mockResolvedValue([
      { address: 'silent:1', info: {}, error: new Error('no answer within a second') },
      { address: 'shy:1', info: {}, error: undefined },
    ]);

    const { nodes } = (await dash.get('/monitoring/api/redis')).body;

    expect(nodes).toMatchObject([
      { address: 'silent:1', role: 'unknown', problem: 'no answer within a second', warnings: [] },
      { address: 'shy:1', role: 'unknown', warnings: [] },
    ]);
  });
});
