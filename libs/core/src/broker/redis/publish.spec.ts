import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../runtime/logger.js';
import { type FakeReply, openFakeRedis, passTimeUntil, slotsOf } from '../../test-support/fake-redis.js';
import { openRedisBroker } from './redis-broker.js';
import type { RedisConnection } from './redis-connection.js';
import { systemClock } from '../../runtime/clock.js';

const openBroker = (connection: RedisConnection) =>
  openRedisBroker(connection, { clock: systemClock, logger: silentLogger });

/** Waits for a promise while fake time passes. */
async function inTime<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settle = () => void (isSettled = true);
  promise.then(settle, settle);
  await passTimeUntil(() => isSettled);
  return promise;
}

describe('publishing a message', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }));
  afterEach(() => void vi.useRealTimers());

  it.each([
    'LOADING Redis is loading the dataset in memory',
    'ERR unknown command',
    "NOPERM this user has no permissions to run the 'publish' command",
  ])('does not fail a call that has had its effect: %s', async (refusal) => {
    await using redis = await openFakeRedis(([name]) => (name === 'PUBLISH' ? new Error(refusal) : 1));
    const broker = openBroker({ url: redis.url, options: { enableReadyCheck: false } });

    expect(await broker.unpause('mail')).toBe(true);
    expect(redis.commands).toContain('PUBLISH');
    await broker.close();
  });

  it('fails the call when the message is its only effect', async () => {
    await using redis = await openFakeRedis(() => new Error('LOADING Redis is loading the dataset in memory'));
    const broker = openBroker({ url: redis.url, options: { enableReadyCheck: false } });

    await expect(broker.publishCancel('one')).rejects.toMatchObject({ code: 'REDIS_COMMAND' });
    await broker.close();
  });

  it.each([
    ['is silent', (): FakeReply => undefined],
    ['fails', (): FakeReply => new Error('LOADING Redis is loading the dataset in memory')],
  ])('uses another node of a cluster when one %s', async (_, sickReply) => {
    const ports: number[] = [];
    const asked: string[] = [];
    const node = (name: string) =>
      openFakeRedis(([command]) => {
        if (command === 'CLUSTER') return slotsOf(ports);
        asked.push(name);
        return asked.length === 1 ? sickReply() : 1;
      });
    await using one = await node('one');
    await using other = await node('other');
    ports.push(one.port, other.port);
    const broker = openBroker({ cluster: ports.map((port) => ({ host: '127.0.0.1', port })) });

    await inTime(broker.publishCancel('one'));

    expect(asked.toSorted()).toEqual(['one', 'other']);
    await broker.close();
  });
});
