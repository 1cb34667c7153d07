import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../runtime/clock.js';
import { silentLogger } from '../../runtime/logger.js';
import { type FakePeer, type FakeRedis, openFakeRedis, passTimeUntil, slotsOf } from '../../test-support/fake-redis.js';
import type { RedisConnection } from './redis-connection.js';
import { RedisLink, whenReady } from './redis-link.js';

const openLink = (connection: RedisConnection): RedisLink =>
  new RedisLink(connection, { clock: systemClock, logger: silentLogger });

/** The state of a promise. */
function observe(promise: Promise<unknown>): { state: 'open' | 'resolved' | 'rejected' } {
  const seen: { state: 'open' | 'resolved' | 'rejected' } = { state: 'open' };
  promise.then(
    () => (seen.state = 'resolved'),
    () => (seen.state = 'rejected'),
  );
  return seen;
}

/** The first result of a call that is repeated until it succeeds. */
async function firstAnswer<T>(call: () => Promise<T>): Promise<T> {
  let answer = call();
  let seen = observe(answer);
  await passTimeUntil(() => {
    if (seen.state === 'rejected') seen = observe((answer = call()));
    return seen.state === 'resolved';
  });
  return answer;
}

describe('a connection whose login is never answered', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  });
  afterEach(() => void vi.useRealTimers());

  it.each([
    ['without a password', (redis: FakeRedis) => redis.url],
    ['with a password and a database', (redis: FakeRedis) => `redis://ada:pw@127.0.0.1:${redis.port}/3`],
  ])('is closed and reopened for commands, %s', async (_, url) => {
    await using redis = await openFakeRedis(() => 'PONG', { isSilent: ({ index }) => index === 0 });
    const link = openLink({ url: url(redis) });

    await firstAnswer(() => link.command('PING', (client) => client.ping()));

    expect(redis.peers).toHaveLength(2);
    link.close();
  });

  it.each(['watch', 'subscriber'] as const)('is closed and reopened for the purpose %s', async (purpose) => {
    await using redis = await openFakeRedis(() => 'PONG', { isSilent: ({ index }) => index === 0 });
    const link = openLink({ url: redis.url });
    const client = await link.openConnection(purpose);

    await firstAnswer(() => whenReady(client));

    expect(redis.peers).toHaveLength(2);
    link.close();
  });

  it('is kept while the server answers, even if it is loading', async () => {
    await using redis = await openFakeRedis(() => new Error('LOADING Redis is loading the dataset in memory'));
    const link = openLink({ url: redis.url });

    const call = observe(link.command('PING', (client) => client.ping()));
    await passTimeUntil(() => call.state === 'rejected');
    await vi.advanceTimersByTimeAsync(20_000);

    expect(redis.peers).toHaveLength(1);
    link.close();
  });

  it('costs a cluster only that node', async () => {
    const ports: number[] = [];
    const answer = ([name, sub]: readonly string[]) =>
      name === 'CLUSTER' && sub === 'SLOTS' ? slotsOf(ports) : 'value';
    let hung: FakePeer | undefined;
    await using healthy = await openFakeRedis(answer);
    await using sick = await openFakeRedis(answer, {
      isSilent: (peer) => peer.name.startsWith('asynq:commands') && peer === (hung ??= peer),
    });
    ports.push(healthy.port, sick.port);
    const link = openLink({ cluster: [{ host: '127.0.0.1', port: healthy.port }] });
    const get = (key: string) => link.command('GET', (client) => client.get(key));

    const onSick = observe(get('{a}')); // slot 15495
    await firstAnswer(() => get('{b}')); // slot 3300
    await passTimeUntil(() => onSick.state !== 'open');

    expect(await firstAnswer(() => get('{a}'))).toBe('value');
    expect(onSick.state).toBe('rejected');
    link.close();
  });

  it('does not delay a cluster client that reads the slots from its nodes', async () => {
    const ports: number[] = [];
    const answer = ([name]: readonly string[]) => (name === 'CLUSTER' ? slotsOf([ports[1]!]) : 'value');
    await using silent = await openFakeRedis(answer, { isSilent: () => true });
    await using healthy = await openFakeRedis(answer);
    ports.push(silent.port, healthy.port);
    const link = openLink({ cluster: ports.map((port) => ({ host: '127.0.0.1', port })) });

    expect(await firstAnswer(() => link.command('GET', (client) => client.get('a')))).toBe('value');

    link.close();
  });

  it.each(['sentinel', 'master'] as const)('is closed when the %s is silent', async (who) => {
    await using master = await openFakeRedis(() => 'value', {
      isSilent: ({ index }) => who === 'master' && index === 0,
    });
    const names = () => ['127.0.0.1', String(master.port)];
    await using first = await openFakeRedis(names, { isSilent: () => who === 'sentinel' });
    await using second = await openFakeRedis(names);
    const sentinels = [first, second].map(({ port }) => ({ host: '127.0.0.1', port }));
    const link = openLink({ sentinels, name: 'main', options: { enableReadyCheck: false } });

    expect(await firstAnswer(() => link.command('GET', (client) => client.get('a')))).toBe('value');

    link.close();
  });
});
