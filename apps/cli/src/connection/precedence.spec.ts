import { describe, expect, it } from 'vitest';
import { UsageError } from '../usage.error.js';
import { readSettings } from './settings.js';

type Sources = [flags: Record<string, unknown>, env?: NodeJS.ProcessEnv, file?: Record<string, unknown>];

describe('the place of Redis', () => {
  it.each<[Sources, object]>([
    [[{ cluster_addrs: 'a:1' }], { cluster_addrs: 'a:1', cluster: true }],
    [[{ cluster: true, uri: 'a:1' }], { uri: 'a:1', cluster: true }],
    [[{ uri: 'redis-cluster://a:1' }], { uri: 'redis-cluster://a:1', cluster: true }],
    [[{ uri: 'a:1' }, { CLUSTER_ADDRS: 'b:1', CLUSTER: 'true' }], { uri: 'a:1' }],
    [[{ uri: 'a:1' }, {}, { sentinel_addrs: 'b:1', master_name: 'main' }], { uri: 'a:1' }],
    [[{ cluster: true }, { CLUSTER_ADDRS: 'b:1', URI: 'a:1' }], { cluster_addrs: 'b:1', cluster: true }],
    [[{}, { CLUSTER: 'false', CLUSTER_ADDRS: 'b:1', URI: 'a:1' }], { uri: 'a:1' }],
    [[{ cluster_addrs: 'a:1' }, { DB: '3' }], { cluster_addrs: 'a:1', cluster: true }],
    [[{ sentinel_addrs: 'a:1' }, {}, { master_name: 'main' }], { sentinel_addrs: 'a:1', master_name: 'main' }],
    [[{ uri: 'a:1' }, { INSECURE: 'true' }], { uri: 'a:1' }],
  ])('comes from the strongest source, and implies what it needs: %j', (sources, settings) => {
    expect(read(...sources)).toEqual(settings);
  });

  it.each<[Sources, string]>([
    [[{ master_name: 'main' }], '--master_name needs sentinels: --sentinel_addrs, or a redis-sentinel:// URI'],
    [[{ uri: 'a:1', sentinel_password: 'x' }], '--sentinel_password needs sentinels'],
    [[{}, { MASTER_NAME: 'main' }], 'MASTER_NAME needs sentinels'],
    [[{ uri: 'a:1', cluster_addrs: 'b:1' }], '--uri and --cluster_addrs name different places'],
    [[{}, { URI: 'a:1', CLUSTER_ADDRS: 'b:1' }], 'URI and CLUSTER_ADDRS name different places'],
    [[{ cluster: false, cluster_addrs: 'b:1' }], '--cluster is false, but --cluster_addrs is a cluster'],
    [[{ cluster: true, sentinel_addrs: 'b:1' }], '--cluster does not fit --sentinel_addrs'],
    [[{ cluster: true, uri: 'redis-socket:///run/redis.sock' }], '--cluster does not fit --uri'],
    [[{ cluster_addrs: 'b:1', db: 3 }], '--db is 3: a cluster has only database 0'],
    [[{ uri: 'a:1', insecure: true }], '--insecure needs TLS'],
  ])('is refused when it is unclear: %j', (sources, message) => {
    expect(() => read(...sources)).toThrow(UsageError);
    expect(() => read(...sources)).toThrow(message);
  });
});

function read(flags: Record<string, unknown>, env: NodeJS.ProcessEnv = {}, file: Record<string, unknown> = {}): object {
  return readSettings(flags, env, file);
}
