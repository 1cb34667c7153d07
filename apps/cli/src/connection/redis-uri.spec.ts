import { describe, expect, it } from 'vitest';
import { UsageError } from '../usage.error.js';
import { parseAddresses, parseRedisUri } from './redis-uri.js';

describe('a Redis URI', () => {
  it.each([
    ['localhost', { at: { server: { host: 'localhost', port: 6379 } } }],
    ['10.0.0.1:7001', { at: { server: { host: '10.0.0.1', port: 7001 } } }],
    ['[::1]:7001', { at: { server: { host: '::1', port: 7001 } } }],
    ['redis://h:1', { at: { server: { host: 'h', port: 1 } }, tls: false }],
    ['redis://h:1/', { at: { server: { host: 'h', port: 1 } }, tls: false }],
    ['redis://:p%40ss@h:1/3', { at: { server: { host: 'h', port: 1 } }, password: 'p@ss', db: 3, tls: false }],
    ['redis://ada:pw@h', { at: { server: { host: 'h', port: 6379 } }, username: 'ada', password: 'pw', tls: false }],
    ['rediss://h:1/2', { at: { server: { host: 'h', port: 1 } }, db: 2, tls: true }],
    ['redis-socket:///run/redis.sock', { at: { socket: '/run/redis.sock' } }],
    ['redis-socket://:pw@/run/redis.sock?db=4', { at: { socket: '/run/redis.sock' }, password: 'pw', db: 4 }],
    [
      'redis-sentinel://:pw@a:1,b/2?master=main',
      {
        at: {
          sentinels: [
            { host: 'a', port: 1 },
            { host: 'b', port: 26_379 },
          ],
        },
        password: 'pw',
        db: 2,
        masterName: 'main',
      },
    ],
  ])('is read: %s', (uri, expected) => {
    expect(parseRedisUri(uri)).toEqual(expected);
  });

  it.each([
    '',
    'a:b',
    'host:0',
    'host:70000',
    'http://h:1',
    'redis://',
    '/run/redis.sock',
    'h:1/2',
    'redis://h:1/one',
    'redis://:%@h',
    'redis-socket://',
  ])('is refused: "%s"', (uri) => {
    expect(() => parseRedisUri(uri)).toThrow(UsageError);
  });

  it.each([
    'redis://ada:geh@eim@h:1',
    'redis://ada:geh/eim@h:1',
    'redis://ada:1/geheim@h:1',
    'redis//ada:geheim@h:1',
    'ada:geheim@h:1',
    'redis-sentinel://:geh/eim@a:1',
    'redis://:%geheim@h',
  ])('is refused without telling the password: "%s"', (uri) => {
    expect(() => parseRedisUri(uri)).toThrow(
      expect.not.objectContaining({ message: expect.stringMatching(/geh|eim/) }),
    );
    expect(() => parseRedisUri(uri)).toThrow(UsageError);
  });
});

it('reads a list of addresses', () => {
  expect(parseAddresses('a:1, b')).toEqual([
    { host: 'a', port: 1 },
    { host: 'b', port: 6379 },
  ]);
});
