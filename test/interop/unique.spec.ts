import { Client, DuplicateTaskError, silentLogger } from '@nestjs-asynq/core';
import type { UniqueOptions } from '@nestjs-asynq/core/internal';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GoPeer, hasGoPeer } from '../support/go-peer.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

/** A payload whose JSON is equal on both sides, and two that Go writes differently. */
const ALIKE = { payload: { id: 7, name: 'Ada' }, goWrites: '{"id":7,"name":"Ada"}' };
const ESCAPED = { payload: { name: 'Q&A <b>\u2028' }, goWrites: '{"name":"Q\\u0026A \\u003cb\\u003e\\u2028"}' };
const SORTED = { payload: { name: 'Ada', id: 7 }, goWrites: ALIKE.goWrites };

describe.skipIf(!hasGoPeer)('unique tasks beside Go', () => {
  let redis: RedisServer;
  let go: GoPeer;
  let client: Client;
  let queue: string;

  beforeEach(async () => {
    queue = 'go-first';
    redis = await startRedis();
    go = new GoPeer(redis);
    client = new Client({ connection: { url: redis.url }, logger: silentLogger });
  });

  afterEach(async () => {
    await client.close();
    await go[Symbol.asyncDispose]();
    await redis.stop();
  });

  const ours = async (payload: unknown, key: UniqueOptions['key']): Promise<boolean> => {
    const options = { queue, unique: { ttl: '1h', key } } as const;
    return client.enqueue('t', payload, options).then(
      () => true,
      (error: unknown) => {
        if (error instanceof DuplicateTaskError) return false;
        throw error;
      },
    );
  };

  const gos = async (value: unknown): Promise<boolean> => {
    const [outcome] = await go.enqueue([{ type: 't', value, queue, uniqueMs: 3_600_000 }]);
    if (!('error' in outcome!)) return true;
    expect(outcome.error).toContain('task already exists');
    return false;
  };

  it.each([
    { title: 'equal bytes and no key', ...ALIKE, key: undefined, isExcluded: true },
    { title: 'equal bytes and a key', ...ALIKE, key: 'ada', isExcluded: false },
    { title: 'equal bytes, and as key the text that Go writes', ...ALIKE, key: ALIKE.goWrites, isExcluded: true },
    { title: 'a string that Go escapes, and no key', ...ESCAPED, key: undefined, isExcluded: false },
    {
      title: 'a string that Go escapes, and as key what it writes',
      ...ESCAPED,
      key: ESCAPED.goWrites,
      isExcluded: true,
    },
    { title: 'keys that Go sorts, and no key', ...SORTED, key: undefined, isExcluded: false },
    { title: 'keys that Go sorts, and as key what it writes', ...SORTED, key: SORTED.goWrites, isExcluded: true },
  ])('$title: excluded $isExcluded, whichever side comes first', async ({ payload, key, isExcluded }) => {
    const goFirst = [await gos(payload), await ours(payload, key)];
    queue = 'ours-first';
    const oursFirst = [await ours(payload, key), await gos(payload)];

    expect([goFirst, oursFirst]).toEqual([
      [true, !isExcluded],
      [true, !isExcluded],
    ]);
  });

  it('excludes by the bytes that are passed through untouched', async () => {
    const goFirst = [await gos(ESCAPED.payload), await ours(Buffer.from(ESCAPED.goWrites), undefined)];

    expect(goFirst).toEqual([true, false]);
  });
});
