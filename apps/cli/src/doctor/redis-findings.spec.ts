import type { ServerInfo } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { fleetFindings, redisFindings } from './redis-findings.js';

const nowMs = Date.parse('2026-03-05T12:00:00Z');
const findings = (info: Record<string, string>, error?: unknown) =>
  redisFindings({ address: 'a:1', info, error }, nowMs).map(({ code, severity }) => `${code} ${severity}`);

describe('a Redis server', () => {
  it.each([
    [{ maxmemory_policy: 'noeviction', maxmemory: '0', used_memory: '5' }, []],
    [{ maxmemory_policy: 'allkeys-lru', maxmemory: '0' }, []],
    [{ maxmemory_policy: 'allkeys-lru', maxmemory: '100', used_memory: '5' }, ['evicting medium']],
    [{ maxmemory_policy: 'allkeys-lru', evicted_keys: '7' }, ['evicting high']],
    [{ maxmemory: '100', used_memory: '95' }, ['redisFull high']],
    [{ server_time_usec: String((nowMs + 5_000) * 1_000) }, ['clockApart medium']],
    [{ server_time_usec: String((nowMs + 500) * 1_000) }, []],
    [{ cmdstat_evalsha: 'calls=1000,usec=9000000,usec_per_call=9000.00' }, ['slowScripts medium']],
    [{ cmdstat_evalsha: 'calls=1000,usec=90000,usec_per_call=90.00' }, []],
    [{ role: 'slave', master_link_status: 'down' }, ['replicaDetached medium']],
  ])('reports %j', (info, codes) => {
    expect(findings(info)).toEqual(codes);
  });

  it('may not report at all', () => {
    expect(findings({}, new Error('no answer within 1 s'))).toEqual(['redisSilent high']);
  });
});

it('finds servers whose clock is ahead', () => {
  const server = { host: 'h', pid: 1, startedAt: new Date(nowMs), workers: [{ startedAt: new Date(nowMs + 9_000) }] };

  expect(fleetFindings([server as unknown as ServerInfo], nowMs)).toMatchObject([
    { problem: "The clock of server h:1 is 9s ahead of this machine's." },
  ]);
});
