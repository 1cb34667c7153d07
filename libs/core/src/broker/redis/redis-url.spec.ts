import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../errors/invalid-options.error.js';
import { parseRedisUrl } from './redis-url.js';

const SECRETS = ['username', 'password', 'sentinelUsername', 'sentinelPassword'] as const;

/** The parts of a URL, including passwords; missing parts are left out. */
function said(url: string): Record<string, unknown> {
  const parsed = parseRedisUrl(url);
  const all = [...Object.entries(parsed), ...SECRETS.map((name) => [name, parsed[name]] as const)];
  return Object.fromEntries(all.filter(([, value]) => value !== undefined && value !== false));
}

function problemOf(url: string): InvalidOptionsError {
  try {
    parseRedisUrl(url, 'connection.url');
  } catch (error) {
    return error as InvalidOptionsError;
  }
  throw new Error('it was taken');
}

const at = (host: string, port = 6379) => ({ place: { server: { host, port } } });

describe('a Redis URL', () => {
  it.each([
    ['localhost', at('localhost')],
    ['10.0.0.1:7001', at('10.0.0.1', 7001)],
    ['[::1]:7001', at('::1', 7001)],
    ['redis://h:1', at('h', 1)],
    ['redis://h:1/', at('h', 1)],
    ['REDIS://h:1', at('h', 1)],
    ['redis://[2001:db8::1]', at('2001:db8::1')],
    ['redis://:p%40ss@h:1/3', { ...at('h', 1), password: 'p@ss', db: 3 }],
    ['redis://h:1?db=3', { ...at('h', 1), db: 3 }],
    ['redis://ada:pw@h', { ...at('h'), username: 'ada', password: 'pw' }],
    ['redis://ada@h', { ...at('h'), username: 'ada' }],
    ['redis://ada:p@s:s@h:1', { ...at('h', 1), username: 'ada', password: 'p@s:s' }],
    ['redis://a%3Ab:%2F%3F%23%25%20%C3%A4@h', { ...at('h'), username: 'a:b', password: '/?#% ä' }],
    ['redis://h?family=6', { ...at('h'), family: 6 }],
    ['rediss://h:1/2', { ...at('h', 1), db: 2, tls: true }],
    ['redis-socket:///run/redis.sock', { place: { socket: '/run/redis.sock' } }],
    ['redis-socket:///run/my%20redis.sock', { place: { socket: '/run/my redis.sock' } }],
    ['redis-socket://:pw@/run/r.sock?db=4', { place: { socket: '/run/r.sock' }, password: 'pw', db: 4 }],
  ])('names a server: %s', (url, expected) => {
    expect(said(url)).toEqual(expected);
  });

  const sentinels = [
    { host: 'a', port: 1 },
    { host: 'b', port: 26_379 },
    { host: '::1', port: 3 },
  ];

  it.each([
    ['redis-sentinel://a:1,b,[::1]:3?master=main', { masterName: 'main' }],
    ['redis-sentinel://:pw@a:1, b,[::1]:3/2?master=main', { masterName: 'main', sentinelPassword: 'pw', db: 2 }],
    [
      'redis-sentinel://guard:g@a:1,b,[::1]:3?master=main&username=ada&password=p%40',
      { masterName: 'main', sentinelUsername: 'guard', sentinelPassword: 'g', username: 'ada', password: 'p@' },
    ],
    ['rediss-sentinel://a:1,b,[::1]:3', { tls: true }],
  ])('names sentinels: %s', (url, expected) => {
    expect(said(url)).toEqual({ place: { sentinels }, ...expected });
  });

  const cluster = [
    { host: 'a', port: 7000 },
    { host: '::1', port: 6379 },
  ];

  it.each([
    ['redis-cluster://a:7000,[::1]', {}],
    ['redis-cluster://a:7000,[::1]/0', {}],
    ['redis-cluster://ada:p%2Cw@a:7000,[::1]/', { username: 'ada', password: 'p,w' }],
    ['rediss-cluster://a:7000,[::1]', { tls: true }],
  ])('names nodes of a cluster: %s', (url, expected) => {
    expect(said(url)).toEqual({ place: { cluster }, ...expected });
  });

  it.each([
    ['', 'a host and a port'],
    ['a:b', 'a host and a port'],
    ['host:0', 'a port from 1 to 65535'],
    ['host:70000', 'a port from 1 to 65535'],
    ['host:123456', 'a host and a port'],
    ['h:1/2', 'a host and a port'],
    ['/run/redis.sock', 'a host and a port'],
    ['h:1,g:2', 'one host; for several use redis-cluster://'],
    ['http://h:1', 'host[:port], redis://'],
    ['constructor://h:1', 'host[:port], redis://'],
    ['redis://', 'a host and a port'],
    ['redis://:6379', 'a host and a port'],
    ['redis:///1', 'a host and a port'],
    ['redis://h:-1', 'a host and a port'],
    ['redis://h h', 'a host and a port'],
    ['redis://h\n:1', 'a host and a port'],
    ['redis://h,g', 'one host; for several use redis-cluster://'],
    ['redis://[::g]', 'an IPv6 address in brackets'],
    ['redis://[127.0.0.1]', 'an IPv6 address in brackets'],
    ['redis://::1:6379', 'a host and a port'],
    ['redis://h:1/one', 'one database, a whole number'],
    ['redis://h:1/-1', 'one database, a whole number'],
    ['redis://h:1/1.5', 'one database, a whole number'],
    ['redis://h:1/1/2', 'one database, a whole number'],
    ['redis://h:1/9999999999', 'one database, a whole number'],
    ['redis://h:1/1?db=2', 'one database, a whole number'],
    ['redis://h?family=5', '0, 4 or 6'],
    ['redis://h?ssl=true', 'the parameters db, family and no others'],
    ['redis://:%@h', '%25'],
    ['redis://:%E4@h', '%25'],
    ['redis-socket://', 'the path of a socket'],
    ['redis-socket://run/redis.sock', 'an absolute path'],
    ['redis-sentinel://?master=main', 'a host and a port'],
    ['redis-sentinel://a:1,,b:2?master=main', 'a host and a port'],
    ['redis-cluster://', 'a host and a port'],
    ['redis-cluster://a:1,', 'a host and a port'],
    ['redis-cluster://a:1/3', 'hosts without a database: a Redis Cluster only has database 0'],
    ['redis-cluster://a:1?db=3', 'the parameters family and no others'],
  ])('is refused: "%s"', (url, reason) => {
    const error = problemOf(url);

    expect(error).toBeInstanceOf(InvalidOptionsError);
    expect(error.problems).toEqual([expect.objectContaining({ option: 'connection.url' })]);
    expect(error.problems[0]!.allowed).toContain(reason);
  });

  it.each([
    'redis://ada:geh/eim@h:1',
    'redis://ada:1/geheim@h:1',
    'redis://ada:1?geheim@h:1',
    'redis://ada:1#geheim@h:1',
    'redis://:geheim',
    'redis//ada:geheim@h:1',
    'ada:geheim@h:1',
    'redis-sentinel://:geh/eim@a:1',
    'redis-sentinel://a:0?master=main&password=geheim',
    'redis-cluster://:geh/eim@a:1',
    'redis://:%geheim@h',
    'redis://h?geheim=1',
  ])('is refused without telling the password: "%s"', (url) => {
    const error = problemOf(url);

    expect(error).toBeInstanceOf(InvalidOptionsError);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/geh|eim/);
  });

  /** A URL with a secret in each place that may hold one, whole or damaged at will. */
  const withSecret = fc
    .record({
      scheme: fc.constantFrom(
        ...['redis', 'rediss', 'redis-socket', 'redis-sentinel', 'rediss-sentinel', 'redis-cluster', 'rediss-cluster'],
      ),
      user: fc.constantFrom('', 'ada', '%'),
      before: fc.constantFrom('', '%40', '%2', '/', '?', '#', '@', ':', ' ', '[', '%E4', '\n'),
      hosts: fc.constantFrom('h', 'h:1', 'h:1,g:2', '[::1]:1', 'h:port', '', '/run/r.sock'),
      rest: fc.constantFrom('', '/1', '/one', '?db=1', '?password=geheim', '?master=m&password=gehe%69m', '#geheim'),
      damage: fc.option(fc.tuple(fc.nat(40), fc.constantFrom('', '/', '@', ':', '#', '?', ' ', '%', '\0'))),
    })
    .map(({ scheme, user, before, hosts, rest, damage }) => {
      const url = `${scheme}://${user}:${before}geheim@${hosts}${rest}`;
      if (!damage) return url;
      const at = Math.max(scheme.length + 3, Math.min(damage[0], url.indexOf('geheim')));
      return url.slice(0, at) + damage[1] + url.slice(at);
    });

  it('never tells a password, whatever is wrong with it', () => {
    fc.assert(
      fc.property(withSecret, (url) => {
        const shown = (value: unknown): string =>
          inspect(value, { depth: 9, showHidden: true, getters: false }) + JSON.stringify(value) + String(value);
        try {
          expect(shown(parseRedisUrl(url, 'connection.url'))).not.toMatch(/geheim|gehe%69m/);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidOptionsError);
          expect(shown(error)).not.toMatch(/geheim|gehe%69m/);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('shows its address, but no password', () => {
    const url = parseRedisUrl('redis-sentinel://u:geheim@a,[::1]:2?master=main&username=ada&password=geheim');

    expect(url.address).toBe('the sentinels a:26379,[::1]:2');
    expect(inspect(url, { showHidden: true, depth: 9 })).not.toContain('geheim');
    expect(JSON.stringify(url)).not.toContain('geheim');
  });

  it.each([
    ['rediss://ada:geheim@[::1]:1/2', '[::1]:1'],
    ['redis-socket://:geheim@/run/redis.sock', '/run/redis.sock'],
    ['redis-cluster://ada:geheim@a:1, b', 'the cluster a:1,b:6379'],
  ])('has an address: %s', (url, address) => {
    expect(parseRedisUrl(url).address).toBe(address);
  });
});
