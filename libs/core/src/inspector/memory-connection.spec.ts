import { afterEach, describe, expect, it, vi } from 'vitest';
import { Client } from '../client/client.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { Inspector } from './inspector.js';
import { type Logger, silentLogger } from '../runtime/logger.js';
import { FakeClock } from '../testing/fake-clock.js';
import type { Connection } from '../broker/connection.js';
import { openBroker } from '../broker/open-broker.js';

const REGISTRY = Symbol.for('@nestjs-asynq/core/memory');

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  expect(Reflect.get(globalThis, REGISTRY)).toMatchObject({ stores: new Map() });
});

function client(connection: Connection, options: { clock?: FakeClock; logger?: Logger } = {}): Client {
  const made = new Client({ connection, logger: silentLogger, ...options });
  opened.push(made);
  return made;
}

function inspector(connection: Connection, options: { clock?: FakeClock; logger?: Logger } = {}): Inspector {
  const made = new Inspector({ connection, logger: silentLogger, ...options });
  opened.push(made);
  return made;
}

describe('queues in memory', () => {
  it.each<[title: string, one: Connection, other: Connection]>([
    ['without a name', 'memory', 'memory'],
    ['of one name', { memory: 'a' }, { memory: 'a' }],
    ['of the default name', 'memory', { memory: 'default' }],
  ])('%s are the same for all parts of a process', async (_title, one, other) => {
    await client(one).enqueue('t', undefined, { queue: 'q' });

    expect(await inspector(other).queues()).toEqual(['q']);
  });

  it('of two names are separate, also from those of a broker', async () => {
    await client({ memory: 'a' }).enqueue('t');

    expect(await inspector({ memory: 'b' }).queues()).toEqual([]);
    expect(await inspector('memory').queues()).toEqual([]);
    expect(await inspector(openBroker('memory')).queues()).toEqual([]);
  });

  it('are dropped when the last of their users is closed, and not before', async () => {
    const one = client('memory');
    await one.enqueue('t');
    const other = client('memory');
    await one.close();
    await one.close();
    const whileOpen = await inspector('memory').queues();
    await Promise.all([...opened.map((part) => part.close()), other.close()]);

    expect([whileOpen, await inspector('memory').queues()]).toEqual([['default'], []]);
  });

  it('are the same for two copies of the package', async () => {
    await client('memory').enqueue('t');
    vi.resetModules();
    const copy = await import('./inspector.js');
    const other = new copy.Inspector({ connection: 'memory', logger: silentLogger });
    opened.push(other);

    expect(copy.Inspector).not.toBe(Inspector);
    expect(await other.queues()).toEqual(['default']);
  });

  it('are refused next to a version of the package with an incompatible format', () => {
    const registry: unknown = Reflect.get(globalThis, REGISTRY);
    Reflect.set(globalThis, REGISTRY, { format: 0 });

    const open = (): unknown => new Client({ connection: 'memory' });

    expect(open).toThrow('one version of @nestjs-asynq/core per process');
    Reflect.set(globalThis, REGISTRY, registry);
  });

  it('use the clock of the parts that were given one', async () => {
    const clock = new FakeClock();
    const task = await client('memory', { clock }).enqueue('t', undefined, { processIn: '1h' });

    const info = await inspector('memory').taskInfo('default', task.id);

    expect(info.nextProcessAt).toEqual(new Date(clock.nowMs() + 3_600_000));
  });

  it('are two stores with two clocks, and log a warning', async () => {
    const warn = vi.fn<Logger['warn']>();
    await client('memory', { clock: new FakeClock() }).enqueue('t');

    const other = inspector('memory', { clock: new FakeClock(), logger: { ...silentLogger, warn } });

    expect(await other.queues()).toEqual([]);
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining('in-memory store "default" is also open with another clock')],
    ]);
  });

  it.each([[''], [' '], [7], [undefined]])('are not named %j', (memory) => {
    expect(() => client({ memory } as never)).toThrow(InvalidOptionsError);
  });
});
