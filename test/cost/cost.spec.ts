import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Client } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { CommandCount } from '../support/command-count.js';
import { startRedis } from '../support/redis-server.js';

/**
 * What a handled task costs, start and shutdown of its server included, in counts that no load of the machine disturbs. Times
 * are for `npm run bench`. A cost that fell is written down by `UPDATE_COSTS=1 npx vitest run --project contract test/cost`, so that it stays low.
 */
const FILE = new URL('costs.json', import.meta.url);
const isUpdating = process.env['UPDATE_COSTS'] !== undefined;

interface Cost {
  /** Redis commands, those inside of scripts included. */
  readonly commands: number;
  readonly scripts: number;
  /** Of the main thread, by major version of Node. */
  readonly allocatedBytes: Readonly<Record<string, number>>;
}
const recorded = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, Cost>;

/** Shares above the recorded cost. How outcomes fall into batches differs a little from run to run. */
const TOLERANCE = { commands: 0.1, scripts: 0.2, allocatedBytes: 0.25 };
/** Young generation, MB. */
const HEAP_MB = 512;
const NODE = process.versions.node.split('.')[0]!;

/** So long that the most tasks are held at any pace, and none for too long, on a busy machine as well. */
const LONGEST_READ_AHEAD_MS = 1_000;
/** Held tasks begin in rows that end by time: each row is one more script call. */
const AHEAD_TOLERANCE = { ...TOLERANCE, scripts: 1 };

const RUNS = [
  { name: '1', concurrency: 1, readAhead: 0, warmUp: 200, tasks: 300 },
  { name: '10', concurrency: 10, readAhead: 0, warmUp: 500, tasks: 1_000 },
  { name: '100', concurrency: 100, readAhead: 0, warmUp: 1_000, tasks: 3_000 },
  { name: '1000', concurrency: 1_000, readAhead: 0, warmUp: 2_000, tasks: 6_000 },
  { name: '1, reading ahead', concurrency: 1, readAhead: LONGEST_READ_AHEAD_MS, warmUp: 3_000, tasks: 6_000 },
];

describe('the cost of a handled task', () => {
  const measured: Record<string, Cost> = {};
  afterAll(() => {
    if (isUpdating) writeFileSync(FILE, `${JSON.stringify(measured, null, 2)}\n`);
  });

  it.each(RUNS)('is not above the recorded one at concurrency $name', async (run) => {
    const before = recorded[run.name];
    const tolerance = run.readAhead > 0 ? AHEAD_TOLERANCE : TOLERANCE;

    const cost = await measure(run);

    measured[run.name] = { ...cost, allocatedBytes: { ...before?.allocatedBytes, ...cost.allocatedBytes } };
    if (isUpdating) return;
    expect(cost.commands).toBeLessThan(before!.commands * (1 + tolerance.commands));
    expect(cost.scripts).toBeLessThan(before!.scripts * (1 + tolerance.scripts));
    expect(cost.allocatedBytes[NODE]).toBeLessThan(
      (before!.allocatedBytes[NODE] ?? Infinity) * (1 + tolerance.allocatedBytes),
    );
  });
});

async function measure({ concurrency, readAhead, warmUp, tasks }: (typeof RUNS)[number]): Promise<Cost> {
  await using server = await startRedis();
  const redis = new Redis(server.url);
  const all = warmUp + tasks + concurrency; // the last ones keep the slots full until the end
  await preload(server.url, all);
  const before = await CommandCount.read(redis);

  const { handled, collections, bytes } = await work({ url: server.url, concurrency, readAhead, warmUp, tasks });

  const { calls, total } = (await CommandCount.read(redis)).since(before);
  redis.disconnect();
  expect(collections).toBe(0);
  return {
    commands: perTask(total, handled),
    scripts: perTask(calls['evalsha'] ?? 0, handled),
    allocatedBytes: { [NODE]: Math.round(bytes / tasks) },
  };
}

async function preload(url: string, count: number): Promise<void> {
  await using client = new Client({ connection: { url } });
  const payload = { userId: 12345, template: 'welcome' };
  await client.enqueueMany(Array.from({ length: count }, () => ({ type: 'cost', payload })));
}

async function work(settings: object): Promise<{ handled: number; collections: number; bytes: number }> {
  const script = new URL('worker.mjs', import.meta.url).pathname;
  const flags = ['--expose-gc', `--min-semi-space-size=${HEAP_MB}`, `--max-semi-space-size=${HEAP_MB}`];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, JSON.stringify(settings)]);
  return JSON.parse(stdout) as { handled: number; collections: number; bytes: number };
}

function perTask(count: number, tasks: number): number {
  return Number((count / tasks).toPrecision(3));
}
