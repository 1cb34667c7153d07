import { getEventListeners } from 'node:events';
import { openBroker } from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesLeftPerCall } from './retained.js';
import { forever, openSurface, OPERATIONS, startAndStop, type Surface } from './surface.js';

/** Of each operation, in each of two rounds or more. `npm run soak` makes 20,000 on Redis. */
const CALLS = 500;
/** A server that starts and stops takes milliseconds. */
const STARTS = 25;
/** Far below what one listener with its closure takes. */
const ENOUGH_BYTES = 64;
/** Short-lived data, such as the mark of an awaited task, has expired after this time. */
const LONGEST_LIFE_MS = 60_000;

describe('the heap, over the memory broker', () => {
  const clock = new FakeClock();
  let surface: Surface;
  beforeAll(async () => {
    surface = await openSurface(openBroker('memory', { clock }), clock);
  });
  afterAll(() => passing(surface[Symbol.asyncDispose]()));

  const rest = (): Promise<void> => new Promise((resolve) => clock.setTimer(resolve, LONGEST_LIFE_MS));

  /** Lets time pass until `work` is done. */
  async function passing<T>(work: PromiseLike<T>): Promise<T> {
    const isDone = new AbortController();
    const done = Promise.resolve(work).finally(() => isDone.abort());
    done.catch(() => undefined);
    while (!isDone.signal.aborted) await clock.advance(500);
    return done;
  }

  it.each(Object.entries(OPERATIONS))('keeps nothing of %s', async (_name, operation) => {
    const call = (index: number): Promise<unknown> => operation(surface, index);

    const bytes = await passing(bytesLeftPerCall(call, ENOUGH_BYTES, { calls: CALLS, atOnce: 50, rest }));

    expect(bytes).toBeLessThan(ENOUGH_BYTES);
    expect(getEventListeners(forever, 'abort')).toEqual([]);
  });

  it('keeps nothing of a server and a scheduler that start and stop', async () => {
    const call = (): Promise<unknown> => startAndStop(surface);

    const bytes = await passing(bytesLeftPerCall(call, 10 * ENOUGH_BYTES, { calls: STARTS, atOnce: 1, rest }));

    expect(bytes).toBeLessThan(10 * ENOUGH_BYTES);
  });

  it('keeps nothing of the ticks of periodic tasks', async () => {
    const { scheduler } = surface;
    scheduler.register('@every 1s', 'ok', { tick: true }, { name: 'ticks', queue: 'work' });
    const tick = (): Promise<void> => new Promise((resolve) => clock.setTimer(resolve, 1_000));
    // The history of an entry holds a thousand.
    for (let ticks = 0; ticks < 1_100; ticks++) await passing(tick());

    const bytes = await passing(bytesLeftPerCall(tick, ENOUGH_BYTES, { calls: CALLS, atOnce: 1 }));

    await scheduler.unregister('ticks');
    expect(bytes).toBeLessThan(ENOUGH_BYTES);
  });
});
