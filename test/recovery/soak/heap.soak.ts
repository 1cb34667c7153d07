import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Inspector, openBroker, Scheduler, Server, silentLogger } from '@nestjs-asynq/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countListeners } from '../../heap/counted-listeners.js';
import { retainedBytes } from '../../heap/retained.js';
import { openSurface, OPERATIONS, startAndStop, type Surface } from '../../heap/surface.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { printFigures } from './figures.js';

const CALLS = 20_000;
const AT_ONCE = 200;
/** Calls before the first measurement of the heap. */
const WARM_UP_CALLS = 1_000;
/** An operation that takes longer for all its calls is done as often as it fits in. */
const LONGEST_MS = 10_000;
/** Far below what one listener with its closure takes. */
const ENOUGH_BYTES = 64;
/** Opening connections and threads leaves more behind in caches, and is done far fewer times. */
const ENOUGH_BYTES_OF_OPENING = 2_000;
/** Measurements before short-lived objects, such as closing sockets, must be gone. */
const MOST_LOOKS = 8;
const LOOK_EVERY_MS = 2_000;
/** A background timer and its listener may exist at one measurement and not at the other. */
const ENOUGH_HANDLES = 8;

interface Held {
  readonly bytes: number;
  readonly handles: number;
  readonly listeners: number;
}

const rows: Record<string, number | string>[] = [];
afterAll(() => printFigures(`kept after ${CALLS} calls of each operation on Redis`, rows));

const listeners = countListeners();

async function held(): Promise<Held> {
  const bytes = await retainedBytes();
  return { bytes, handles: process.getActiveResourcesInfo().length, listeners: listeners() };
}

/** What the process holds more after many calls than before them. */
async function keptBy(
  name: string,
  call: (index: number) => Promise<unknown>,
  { atOnce = AT_ONCE, warmUpCalls = WARM_UP_CALLS, enoughBytes = ENOUGH_BYTES } = {},
): Promise<Held> {
  let index = 0;
  const run = async (calls: number, untilMs = Infinity): Promise<void> => {
    const end = index + calls;
    const worker = async (): Promise<void> => {
      while (index < end && performance.now() < untilMs) await call(index++);
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  };
  await run(warmUpCalls);
  const before = await held();
  const startedAtMs = performance.now();
  await run(CALLS, startedAtMs + LONGEST_MS);
  const calls = index - warmUpCalls;
  const tookMs = (performance.now() - startedAtMs) / calls;
  const kept = async (): Promise<Held> => {
    const after = await held();
    return {
      bytes: (after.bytes - before.bytes) / calls,
      handles: after.handles - before.handles,
      listeners: after.listeners - before.listeners,
    };
  };
  let left = await kept();
  const isEnough = ({ bytes, handles, listeners: listening }: Held): boolean =>
    bytes < enoughBytes && handles < ENOUGH_HANDLES && listening < ENOUGH_HANDLES;
  for (let looks = 1; looks < MOST_LOOKS && !isEnough(left); looks++) {
    await sleep(LOOK_EVERY_MS);
    left = await kept();
  }
  const { bytes, ...handles } = left;
  rows.push({ operation: name, calls, 'ms/call': tookMs, 'bytes/call': bytes, ...handles });
  return left;
}

describe('the heap, over Redis', () => {
  let server: RedisServer;
  let surface: Surface;
  beforeAll(async () => {
    server = await startRedis();
    const broker = openBroker({ url: server.url }, { logger: silentLogger });
    surface = await openSurface(broker, broker.clock);
  });
  afterAll(async () => {
    await surface[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it.each(Object.entries(OPERATIONS))('keeps nothing of %s', async (name, operation) => {
    const left = await keptBy(name, (index) => operation(surface, index));

    expect(left.bytes).toBeLessThan(ENOUGH_BYTES);
    expect(left.handles).toBeLessThan(ENOUGH_HANDLES);
    expect(left.listeners).toBeLessThan(ENOUGH_HANDLES);
  });

  const openings: Record<string, () => Promise<unknown>> = {
    'a server and a scheduler that start and stop': () => startAndStop(surface),
    'a client with a connection of its own': async () => {
      await using client = new Client({ connection: { url: server.url }, logger: silentLogger });
      await client.enqueue('ok', undefined, { queue: 'work' });
    },
    'an inspector with a connection of its own': async () => {
      await using inspector = new Inspector({ connection: { url: server.url }, logger: silentLogger });
      await inspector.queues();
    },
    'a scheduler with a connection of its own': async () => {
      await using scheduler = new Scheduler({ connection: { url: server.url }, logger: silentLogger });
      scheduler.register('@hourly', 'later', undefined, { name: 'hourly', queue: 'other' });
      await scheduler.start();
    },
    'a server with a thread and connections of its own': async () => {
      const connection = { url: server.url };
      await using own = new Server({ connection, logger: silentLogger, queues: { own: 1 }, heartbeat: 'thread' });
      await own.start(() => undefined);
    },
  };

  it.each(Object.entries(openings))('keeps nothing of %s', async (name, call) => {
    const left = await keptBy(name, call, { atOnce: 4, warmUpCalls: 20, enoughBytes: ENOUGH_BYTES_OF_OPENING });

    expect(left.bytes).toBeLessThan(ENOUGH_BYTES_OF_OPENING);
    expect(left.handles).toBeLessThan(ENOUGH_HANDLES);
    expect(left.listeners).toBeLessThan(ENOUGH_HANDLES);
  });
});
