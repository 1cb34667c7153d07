import { randomUUID } from 'node:crypto';
import { Client, Inspector, openBroker, silentLogger } from '@nestjs-asynq/core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Access } from '../access/viewer.js';
import { Dashboard } from '../dashboard.js';
import type { DashboardRequest } from '../http/exchange.js';
import { readOptions } from '../options.js';
import { Readings } from '../readings/readings.js';
import { TurnWatch } from '../slices/turn-watch.fixture.js';
import { useTestAssets } from '../test-dashboard.fixture.js';

const QUEUES = 5_000;

/** Looks at queues in one turn of the event loop: some microseconds each, so that none takes more than a few ms. */
const MOST_PER_TURN = 1_200;

/** No request about thousands of queues may hold the event loop: what it does in one turn is counted, not timed. */
describe('with 5,000 queues', () => {
  let dashboard: Dashboard;
  let close: () => Promise<void>;
  let watch: TurnWatch | undefined;

  beforeAll(async () => {
    useTestAssets();
    const broker = openBroker({ memory: randomUUID() });
    const client = new Client({ connection: broker, logger: silentLogger });
    const inspector = new Inspector({ connection: broker, logger: silentLogger });
    const items = Array.from({ length: QUEUES }, (_, i) => ({
      type: 't',
      payload: i,
      options: { queue: `queue-${String(i).padStart(4, '0')}` },
    }));
    await client.enqueueMany(items);
    const queues = Object.fromEntries(items.map(({ options }) => [options.queue, 1]));
    vi.spyOn(inspector, 'servers').mockResolvedValue([
      {
        ...{ id: 's', host: 'h', pid: 1, concurrency: 10, queues, strictPriority: false },
        ...{ status: 'active', startedAt: new Date(), workers: [] },
      },
    ]);
    const of = Readings.prototype.of;
    vi.spyOn(Readings.prototype, 'of').mockImplementation(function (this: Readings, queue) {
      watch?.note();
      return of.call(this, queue);
    });
    const { since } = Readings.prototype;
    vi.spyOn(Readings.prototype, 'since').mockImplementation(function (this: Readings, queue, sinceMs) {
      watch?.note();
      return since.call(this, queue, sinceMs);
    });
    const sees = (queue: string): 'admin' => {
      watch?.note(queue === '' ? 0 : 1);
      return 'admin';
    };
    const connection = {
      ...{ name: 'default', inspector, types: () => [], watchEvents: () => () => undefined },
      enqueue: () => Promise.reject(new Error('not in this test')),
    };
    dashboard = new Dashboard({
      settings: readOptions({
        access: ({ all }: { all: boolean }): Access => (all ? { right: 'admin' } : { right: 'admin', queues: sees }),
      }),
      ...{ connections: [connection], logger: silentLogger, onAction: () => undefined },
      ...{ checksHost: false, standalone: true },
    });
    close = async () => {
      await dashboard.close();
      await client.close();
      await inspector.close();
      await broker.close();
    };
    for (let page = 1; page <= QUEUES / 200; page++)
      await ask('GET', `api/queues?sort=queue&size=200&page=${page}`, true);
  });

  afterAll(async () => {
    vi.restoreAllMocks();
    await close();
  });

  async function ask(method: 'GET' | 'POST', path: string, all: boolean, body?: object): Promise<string> {
    const name = path.split('?', 1)[0]!;
    const route = dashboard.routes.find((one) => one.method === method && one.path === name)!;
    const request: DashboardRequest = {
      ...{ method, url: `/${path}`, source: { all }, signal: new AbortController().signal },
      headers: { 'content-type': 'application/json', 'x-asynq': '1' },
      body: async () => body,
    };
    const answer = await route.handle(request);
    let text = '';
    if ('stream' in answer) await answer.stream(async (part) => void (text += part));
    else text = answer.body.toString();
    expect(answer.status, text).toBe(200);
    return text;
  }

  const READ = [
    'api/overview',
    'api/overview?troubled=1&sort=size',
    'api/queues?name=7&page=3',
    'api/live/once?queue=queue-0001',
    'api/search?text=nothing&scanBudget=20000',
    'api/charts',
    'api/servers',
    'api/queue/history?days=1',
    'api/redis',
  ];

  describe.each([
    ['who sees all queues', true],
    ['some of which may be hidden', false],
  ])('for somebody %s', (_who, all) => {
    it.each(READ.filter((path) => all || path !== 'api/redis'))('%s looks at few in a turn', async (path) => {
      const counted = await TurnWatch.during(async (turns) => {
        watch = turns;
        await ask('GET', path, all);
      });
      watch = undefined;

      expect(counted.most).toBeLessThan(MOST_PER_TURN);
    });

    it('work on all that match looks at few in a turn', async () => {
      const counted = await TurnWatch.during(async (turns) => {
        watch = turns;
        const lines = await ask('POST', 'api/tasks/act-matching', all, { action: 'archive', filter: {}, dryRun: true });
        expect(lines).toContain(`"matched":${QUEUES}`);
      });
      watch = undefined;

      expect(counted.total).toBeGreaterThanOrEqual(QUEUES);
      expect(counted.most).toBeLessThan(MOST_PER_TURN);
    });
  });

  it('ten at once look at no more in a turn than one', async () => {
    const counted = await TurnWatch.during(async (turns) => {
      watch = turns;
      await Promise.all(Array.from({ length: 10 }, () => ask('GET', 'api/overview', false)));
    });
    watch = undefined;

    expect(counted.total).toBeGreaterThan(10 * QUEUES);
    expect(counted.most).toBeLessThan(MOST_PER_TURN);
  });

  it('the sums are right', async () => {
    const { totals, queues, total } = JSON.parse(await ask('GET', 'api/overview?size=3', true));

    expect(totals).toMatchObject({ queues: QUEUES, size: QUEUES, servers: 1, workerLimit: 10, unreadQueues: 0 });
    expect(total).toBe(QUEUES);
    expect(queues.map(({ queue, servers }: { queue: string; servers: number }) => [queue, servers])).toEqual([
      ['queue-0000', 1],
      ['queue-0001', 1],
      ['queue-0002', 1],
    ]);
  });
});
