import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { Client } from '../client/client.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { silentLogger } from '../runtime/logger.js';
import { Server } from './server.js';
import { openMemoryQueue } from '../test-support/test-queue.js';
import { type CarriedFields, carryFields } from '../task/carried-fields.js';

/** A client and a server that carry the same fields. */
async function open(carry: CarriedFields, handle: () => unknown) {
  const queue = openMemoryQueue({ name: 'q' });
  const shared = { connection: queue.broker, logger: silentLogger, carry };
  const client = new Client({ ...shared, defaults: { queue: 'q' } });
  const server = new Server({ ...shared, queues: { q: 1 } });
  const seen: unknown[] = [];
  const headers: unknown[] = [];
  await server.start((_, context) => {
    headers.push(context.headers);
    seen.push(handle());
  });
  return {
    client,
    seen,
    headers,
    settle: () => queue.clock.advance(0),
    async [Symbol.asyncDispose]() {
      await Promise.all([queue.clock.advance('1m'), server.shutdown()]);
      await queue[Symbol.asyncDispose]();
    },
  };
}

describe('carryFields', () => {
  it('restores chosen fields of an AsyncLocalStorage around the handler, and no others', async () => {
    const storage = new AsyncLocalStorage<object>();
    await using t = await open(carryFields(storage, ['tenantId', 'requestId', 'isAdmin']), () => storage.getStore());

    await storage.run({ tenantId: 't1', requestId: 7, isAdmin: false, password: 'x' }, () => t.client.enqueue('a'));
    await t.client.enqueue('b');
    await t.settle();

    expect(t.seen).toEqual([{ tenantId: 't1', requestId: '7', isAdmin: 'false' }, {}]);
    expect(t.headers).toEqual([{ tenantId: 't1', requestId: '7', isAdmin: 'false' }, {}]);
  });

  it('runs a handler never in the context of the request whose enqueue woke the server', async () => {
    const storage = new AsyncLocalStorage<object>();
    await using t = await open(carryFields(storage, ['tenantId']), () => storage.getStore());

    await storage.run({ user: 'of the request' }, async () => {
      await t.client.enqueue('a');
      await t.settle();
    });

    expect(t.seen).toEqual([{}]);
  });

  it('takes a storage that holds a Map', async () => {
    const storage = new AsyncLocalStorage<Map<string, unknown>>();
    await using t = await open(carryFields(storage, ['tenantId'], { store: 'map' }), () =>
      storage.getStore()?.get('tenantId'),
    );

    await storage.run(new Map([['tenantId', 't1']]), () => t.client.enqueueMany([{ type: 'a' }, { type: 'b' }]));
    await t.settle();

    expect(t.seen).toEqual(['t1', 't1']);
  });

  it("lets the caller's own header win", async () => {
    const storage = new AsyncLocalStorage<{ tenantId: string }>();
    await using t = await open(carryFields(storage, ['tenantId']), () => storage.getStore());

    await storage.run({ tenantId: 't1' }, () => t.client.enqueue('a', 1, { headers: { tenantId: 't2' } }));
    await t.settle();

    expect(t.seen).toEqual([{ tenantId: 't2' }]);
  });

  it('refuses a value that is no text, without showing it', async () => {
    const storage = new AsyncLocalStorage<object>();
    await using t = await open(carryFields(storage, ['user']), () => undefined);

    const failure = await storage.run({ user: { name: 'hush' } }, () =>
      t.client.enqueue('a').catch((error: unknown) => error),
    );

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(String(failure)).toContain('option "carry.user" is an object; allowed: text, a number or a boolean');
    expect(String(failure)).not.toContain('hush');
  });

  it.each([
    [{}, ['a'], 'source'],
    [new AsyncLocalStorage(), [], 'fields'],
    [new AsyncLocalStorage(), [''], 'fields.0'],
    [new AsyncLocalStorage(), 'a', 'fields'],
  ])('refuses %o with %j', (source, fields, option) => {
    expect(() => carryFields(source as never, fields as never)).toThrow(`option "${option}"`);
  });

  it.each([
    () => new Client({ connection: 'memory', carry: {} as never }),
    () => new Server({ connection: 'memory', carry: { get: () => 1, run: () => 1 } as never }),
  ])('refuses an object of another kind as the option', (make) => {
    expect(make).toThrow(InvalidOptionsError);
  });
});
