import { randomUUID } from 'node:crypto';
import { Client, Inspector, openBroker, silentLogger } from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Charts } from '../api/charts.js';
import { Dashboard } from '../dashboard.js';
import { FINE } from '../readings/queue-reading.js';
import { readOptions } from '../options.js';
import { useTestAssets } from '../test-dashboard.fixture.js';

let clock: FakeClock;
let dashboard: Dashboard;
let close: () => Promise<void>;

beforeEach(async () => {
  useTestAssets();
  clock = new FakeClock();
  const broker = openBroker({ memory: randomUUID() });
  const client = new Client({ connection: broker, logger: silentLogger });
  const inspector = new Inspector({ connection: broker, logger: silentLogger });
  await client.enqueue('t', 1, { queue: 'mail' });
  const connection = {
    ...{ name: 'default', inspector, types: () => [], watchEvents: () => () => undefined },
    enqueue: () => Promise.reject(new Error('not in this test')),
  };
  dashboard = new Dashboard({
    settings: readOptions({ access: 'public' }),
    ...{ connections: [connection], logger: silentLogger, onAction: () => undefined },
    ...{ checksHost: false, standalone: true, clock },
  });
  close = async () => {
    await dashboard.close();
    await Promise.all([client.close(), inspector.close()]);
    await broker.close();
  };
});

afterEach(() => close());

/** Pending tasks of the last 15 minutes, of `mail` or of all queues. */
async function pending(query = ''): Promise<Charts['series']['pending']> {
  const route = dashboard.routes.find(({ path }) => path === 'api/charts')!;
  const answer = await route.handle({
    ...{ method: 'GET', url: `/api/charts?range=15m${query}`, source: {}, headers: {} },
    ...{ signal: new AbortController().signal, body: async () => undefined },
  });
  if ('stream' in answer) throw new Error('charts are no stream');
  return (JSON.parse(answer.body.toString()) as Charts).series.pending;
}

it('a figure holds into the next step, until it is read anew', async () => {
  await clock.advance(FINE.stepMs - 500);
  const before = await pending('&queue=mail');
  await clock.advance(1_000);

  expect(before.at(-1)).toBe(1);
  expect((await pending('&queue=mail')).slice(-2)).toEqual([1, 1]);
  expect((await pending()).slice(-2)).toEqual([1, 1]);
});

it('a figure that is not read any more ends', async () => {
  await pending('&queue=mail');
  await clock.advance(3 * FINE.stepMs);

  expect((await pending()).slice(-4)).toEqual([1, 1, 1, null]);
});
