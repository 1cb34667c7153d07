import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CommandInProcess } from '../support/asynq-command.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { ERRORS, REWORDED, REWORDED_WHEN_EMPTY } from './command-differences.js';
import { CONTROL, EMPTY, READING } from './command-lines.js';
import { expectedOfUs, type Printed, shownByUs, withPlaceholders } from './command-output.js';
import { type CommandState, dayAgo, writeState } from './command-state.js';

const recorded = JSON.parse(readFileSync(new URL('golden/command.json', import.meta.url), 'utf8')) as {
  readonly state: CommandState;
  readonly reading: readonly Printed[];
  readonly empty: readonly Printed[];
  readonly control: readonly Printed[];
};

const named = (lines: readonly Printed[]): [string, Printed][] => lines.map((line) => [line.args.join(' '), line]);

describe("our command on the recorded state of asynq's", () => {
  let server: RedisServer;
  let ours: (db: number) => CommandInProcess;

  beforeAll(async () => {
    vi.stubEnv('TZ', 'UTC');
    server = await startRedis();
    const redis = new Redis(server.url);
    for (const db of [1, 2]) {
      await redis.select(db);
      await writeState(redis, recorded.state);
    }
    redis.disconnect();
    ours = (db) => new CommandInProcess(['--uri', `127.0.0.1:${server.port}`, '--db', String(db)]);
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await server.stop();
  });

  it.each(named(recorded.reading))('prints the same rows: %s', async (_name, line) => {
    expect(shownByUs(line.args, await ours(1).run(...line.args))).toEqual(expectedOfUs(line));
  });

  it.each(named(recorded.empty))('prints the same for an empty Redis: %s', async (_name, line) => {
    expect(shownByUs(line.args, await ours(3).run(...line.args))).toEqual(expectedOfUs(line, true));
  });

  // In sequence: each works on the state left by the previous ones.
  it.each(named(recorded.control))('has the same effect and output: %s', async (_name, line) => {
    expect(shownByUs(line.args, await ours(2).run(...line.args))).toEqual(expectedOfUs(line));
  });

  it('was recorded for each command line', () => {
    const lines = [recorded.reading, recorded.empty, recorded.control].map((part) => part.map(({ args }) => args));

    expect(lines).toEqual([READING, EMPTY, CONTROL]);
  });

  it('differs from it only where the list says so', () => {
    const all = [...recorded.reading, ...recorded.empty, ...recorded.control];
    const linesOf = (command: string): string =>
      all
        .filter(({ args }) => args.join(' ').startsWith(command))
        .flatMap(({ lines }) => lines)
        .join('\n');
    const commands = new Set(all.map(({ args }) => args.join(' ')));

    const unseen = [...REWORDED, ...REWORDED_WHEN_EMPTY].filter(
      ({ command, theirs }) => !linesOf(command).includes(theirs),
    );
    const unknown = ERRORS.filter(([command]) => !commands.has(command));

    expect({ unseen, unknown }).toEqual({ unseen: [], unknown: [] });
  });
});

describe('a volatile value in an output', () => {
  it.each([
    ['in 5m3s', 'in <length>'],
    ['Fri Jan  1 00:00:00 UTC 2100 (in 640884h1m49s)', 'Fri Jan  1 00:00:00 UTC 2100 (in <length>)'],
    ['In 0s  6268h50m9s ago', 'In <length>  <length> ago'],
    ['7.0.15  0 days  2  2.02MB  2.06MB', '<version>  <n> days  <n>  <size>  <size>'],
    [`Daily Stats ${dayAgo(0)} UTC`, 'Daily Stats <today> UTC'],
    [`${dayAgo(2)}  0  0  N/A`, '<today-2>  0  0  N/A'],
  ])('has a placeholder: %s', (line, shown) => {
    expect(withPlaceholders(line)).toBe(shown);
  });

  it.each(['right now', 'Now', 'in 5 minutes', '{"in":"5m3s"}', '[ProcessIn(30m0s)]', '2100-01-01'])(
    'has none in other text: %s',
    (line) => {
      expect(withPlaceholders(line)).toBe(line);
    },
  );
});
