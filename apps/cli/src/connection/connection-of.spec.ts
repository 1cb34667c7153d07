import { describe, expect, it } from 'vitest';
import { UsageError } from '../usage.error.js';
import { addressOf, connectionOf } from './connection-of.js';

const NO_CHECK = { enableReadyCheck: false };

describe('the connection', () => {
  it('goes to the local server by default', () => {
    expect(connectionOf({})).toEqual({ url: 'redis://127.0.0.1:6379', options: { ...NO_CHECK, db: 0 } });
  });

  it('uses the URI, and prefers settings outside of it', () => {
    const connection = connectionOf({ uri: 'redis://ada:pw@h:1/2', password: 'other', db: 5 });

    expect(connection).toEqual({
      url: 'redis://h:1',
      options: { ...NO_CHECK, username: 'ada', password: 'other', db: 5 },
    });
  });

  it.each([
    [{ uri: 'rediss://h:1' }, { rejectUnauthorized: true }],
    [{ uri: 'h:1', tls: true, insecure: true }, { rejectUnauthorized: false }],
    [
      { uri: 'h:1', tls_server: 'redis.example' },
      { servername: 'redis.example', rejectUnauthorized: true },
    ],
  ])('uses TLS when requested: %j', (settings, tls) => {
    expect(connectionOf(settings)).toEqual({ url: 'redis://h:1', options: { ...NO_CHECK, db: 0, tls } });
  });

  it('uses a socket', () => {
    const connection = connectionOf({ uri: 'redis-socket:///run/redis.sock?db=1' });

    expect(connection).toEqual({ url: 'redis://localhost', options: { ...NO_CHECK, db: 1, path: '/run/redis.sock' } });
  });

  it.each([
    { cluster: true, cluster_addrs: 'a:1, b:2', username: 'ada', password: 'pw' },
    { uri: 'redis-cluster://ada:pw@a:1,b:2' },
    { cluster: true, uri: 'redis-cluster://ada:other@a:1,b:2', password: 'pw' },
  ])('goes to the nodes of a cluster: %j', (settings) => {
    expect(connectionOf(settings)).toEqual({
      cluster: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
      options: { redisOptions: { ...NO_CHECK, username: 'ada', password: 'pw' } },
    });
  });

  it.each([
    { sentinel_addrs: 'a:1', master_name: 'main', sentinel_password: 'guard', password: 'pw', db: 1 },
    { uri: 'redis-sentinel://:guard@a:1/1?master=main', password: 'pw' },
  ])('asks sentinels for the master: %j', (settings) => {
    expect(connectionOf(settings)).toEqual({
      sentinels: [{ host: 'a', port: 1 }],
      name: 'main',
      options: { ...NO_CHECK, password: 'pw', sentinelPassword: 'guard', db: 1 },
    });
  });

  it('uses TLS for sentinels and master', () => {
    const tls = { rejectUnauthorized: true };

    expect(connectionOf({ sentinel_addrs: 'a:1', master_name: 'main', tls: true })).toMatchObject({
      options: { tls, sentinelTLS: tls, enableTLSForSentinelMode: true },
    });
  });

  it('logs in to a master by the parameters of the URI', () => {
    const uri = 'redis-sentinel://:guard@a:1?master=main&username=ada&password=pw';

    expect(connectionOf({ uri })).toMatchObject({
      options: { username: 'ada', password: 'pw', sentinelPassword: 'guard' },
    });
  });

  it('requires the name of the master', () => {
    expect(() => connectionOf({ sentinel_addrs: 'a:1' })).toThrow(UsageError);
  });

  it.each([
    [{ uri: 'redis://ada:geh/eim@h:1' }, '--uri cannot be read; allowed: a host and a port'],
    [{ cluster: true, cluster_addrs: 'a:1/3' }, '--cluster_addrs cannot be read; allowed: hosts without a database'],
    [{ sentinel_addrs: 'a:0', master_name: 'main' }, '--sentinel_addrs cannot be read; allowed: a port'],
  ])('names the invalid flag: %j', (settings, reason) => {
    expect(() => connectionOf(settings)).toThrow(UsageError);
    expect(() => connectionOf(settings)).toThrow(reason);
    expect(() => connectionOf(settings)).not.toThrow(/geh|eim/);
  });
});

it.each([
  [{}, '127.0.0.1:6379'],
  [{ uri: 'rediss://ada:geheim@[::1]:1/2' }, '[::1]:1'],
  [{ uri: 'redis-socket://:geheim@/run/redis.sock' }, '/run/redis.sock'],
  [{ cluster: true, cluster_addrs: 'a:1, b:2', password: 'geheim' }, 'the cluster a:1,b:2'],
  [{ uri: 'redis-cluster://:geheim@a:1,b' }, 'the cluster a:1,b:6379'],
  [{ sentinel_addrs: 'a:1', master_name: 'main' }, 'the sentinels a:1'],
  [{ uri: 'redis-sentinel://:geheim@a,b:2?master=main' }, 'the sentinels a:26379,b:2'],
])('shows the address of %j without a password', (settings, address) => {
  expect(addressOf(settings)).toBe(address);
});
