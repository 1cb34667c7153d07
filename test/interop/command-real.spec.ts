import { Scheduler, silentLogger } from '@nestjs-asynq/core';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AsynqCommand, CommandInProcess, type CommandResult } from '../support/asynq-command.js';
import { GoPeer, hasGoPeer } from '../support/go-peer.js';
import { findRealCommand } from '../support/real-command.js';
import { type RedisServer, startCluster, startRedis } from '../support/redis-server.js';
import { CONTROL, EMPTY, READING } from './command-lines.js';
import {
  type Command,
  expectedOfUs,
  type Printed,
  printedBy,
  readLines,
  type Shown,
  shownByUs,
} from './command-output.js';
import { stateByGo } from './command-state-by-go.js';
import { type CommandState, writeState } from './command-state.js';
import { anyPeriodicOptions } from './periodic-options.js';

const binary = hasGoPeer ? await findRealCommand() : undefined;

/** Databases: for the state that is only read; for the two that are changed, one by each command; and others. */
const DB = { reading: 1, changedByThem: 2, changedByUs: 3, empty: 4, plans: 5, recorded: 6 } as const;

describe.skipIf(binary === undefined)("our command beside asynq's own", () => {
  let server: RedisServer;
  let state: CommandState;

  beforeAll(async () => {
    vi.stubEnv('TZ', 'UTC');
    server = await startRedis();
    const redis = new Redis(server.url);
    state = await stateByGo(server, redis);
    for (const db of [DB.reading, DB.changedByThem, DB.changedByUs, DB.recorded]) {
      await redis.select(db);
      await writeState(redis, state);
    }
    redis.disconnect();
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await server.stop();
  });

  const flags = (db: number): string[] => ['--uri', `127.0.0.1:${server.port}`, '--db', String(db)];
  const real = (db: number): AsynqCommand => new AsynqCommand(flags(db), {}, [binary!]);
  const ours = (db: number): CommandInProcess => new CommandInProcess(flags(db));

  // `-u` records it again.
  it.runIf(process.env['RECORD_COMMAND'] !== undefined)('is as recorded', async () => {
    const reading = await printedBy(real(DB.recorded), READING);
    const empty = await printedBy(real(DB.empty), EMPTY);
    const control = await printedBy(real(DB.recorded), CONTROL);

    const recording = `${JSON.stringify({ state, reading, empty, control }, undefined, 1)}\n`;
    await expect(recording).toMatchFileSnapshot('golden/command.json');
  });

  async function answers(command: Command, theirs: readonly Printed[]): Promise<Shown[]> {
    const shown: Shown[] = [];
    for (const { args } of theirs) shown.push(shownByUs(args, await command.run(...args)));
    return shown;
  }

  it('prints the same rows for the state left by Go', async () => {
    const theirs = await printedBy(real(DB.reading), READING);

    expect(await answers(ours(DB.reading), theirs)).toEqual(theirs.map((line) => expectedOfUs(line)));
  });

  it('prints the same for an empty Redis', async () => {
    const theirs = await printedBy(real(DB.empty), EMPTY);

    expect(await answers(ours(DB.empty), theirs)).toEqual(theirs.map((line) => expectedOfUs(line, true)));
  });

  it('has the same effect and output', async () => {
    const theirs = await printedBy(real(DB.changedByThem), CONTROL);

    expect(await answers(ours(DB.changedByUs), theirs)).toEqual(theirs.map((line) => expectedOfUs(line)));
  });

  it('prints the same facts about Redis', async () => {
    const [theirs, told] = await Promise.all([redisFacts(real(DB.reading)), redisFacts(ours(DB.reading))]);

    expect(told).toEqual(theirs);
  });

  it('places queues in the same slots of a cluster', async () => {
    await using cluster = await startCluster();
    await using go = new GoPeer(cluster);
    await go.enqueue(['mail', 'low', 'größe'].map((queue) => ({ type: 'email', queue })));
    const addresses = cluster.addresses.map(({ host, port }) => `${host}:${port}`).join(',');
    const clusterFlags = ['--cluster', '--cluster_addrs', addresses];

    const theirs = await new AsynqCommand(clusterFlags, {}, [binary!]).run('queue', 'ls');
    const told = await new CommandInProcess(clusterFlags).run('queue', 'ls');

    // asynq's prints the addresses of nodes in memory there.
    const slots = ({ stdout }: CommandResult): string[] =>
      readLines(['queue', 'ls'], stdout).map((line) => line.split('  ').slice(0, 2).join('  '));
    expect(slots(told)).toEqual(slots(theirs));
    expect(slots(told)).toHaveLength(5);
  });

  it('does not crash it with any plan', async () => {
    const options = fc.sample(anyPeriodicOptions, { numRuns: 300, seed: 12 });
    const redis = new Redis(server.url, { db: DB.plans });
    const connection = { url: `${server.url}/${DB.plans}` };
    await using scheduler = new Scheduler({ connection, logger: silentLogger });
    options.forEach((one, n) => scheduler.register('@daily', `type-${n}`, { n }, one));
    await scheduler.start();
    await expect.poll(async () => redis.keys('asynq:schedulers:*')).toHaveLength(1);
    redis.disconnect();

    const { status, stdout, stderr } = await real(DB.plans).run('cron', 'ls');

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const [n] of options.entries())
      expect(stdout).toMatch(new RegExp(`^\\S+ +@daily +type-${n} +\\{"n":${n}\\} +\\[`, 'm'));
  });
});

/** Names of the facts in INFO of Redis; their values are volatile. */
async function redisFacts(command: Command): Promise<string[]> {
  const { stdout } = await command.run('stats', '--json');
  return Object.keys((JSON.parse(stdout) as { redis: object }).redis).toSorted();
}
