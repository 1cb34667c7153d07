import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLogger } from '../../runtime/logger.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { type FakeReply, openFakeRedis, passTimeUntil } from '../../test-support/fake-redis.js';
import { failureOf, FAILURES } from './redis-failure.js';
import { RedisLink, whenReady } from './redis-link.js';

const openLink = (url: string): RedisLink => new RedisLink({ url }, { clock: systemClock, logger: silentLogger });

const PASSES = { isTransient: true, isRepairable: false };
const REPAIR = { isTransient: false, isRepairable: true };
const FAILS = { isTransient: false, isRepairable: false };

/** Literal answers of servers and proxies, and how they are handled. */
const ANSWERS: readonly [text: string, name: string, handling: object, remedy?: string][] = [
  ['All keys in the pipeline should belong to the same slots allocation group', 'split pipeline', PASSES],
  ["READONLY You can't write against a read only replica.", 'READONLY', PASSES, 'connect to its master'],
  ["READONLY You can't write against a read only slave.", 'READONLY', PASSES],
  ["ERR READONLY You can't write against a read only replica.", 'READONLY', PASSES],
  ['ERR command not allowed on a read-only replica', 'READONLY', PASSES],
  [
    "ERR Error running script (call to f_1): @user_script:8: @user_script: 8: -READONLY You can't write against a read only replica.",
    'READONLY',
    PASSES,
  ],
  ['LOADING Redis is loading the dataset in memory', 'LOADING', PASSES],
  [
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    'BUSY',
    PASSES,
    'SCRIPT KILL',
  ],
  [
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'MASTERDOWN',
    PASSES,
    'connect to a master',
  ],
  ['NOREPLICAS Not enough good replicas to write.', 'NOREPLICAS', PASSES, 'min-replicas-to-write'],
  ['CLUSTERDOWN Hash slot not served', 'CLUSTERDOWN', PASSES, 'CLUSTER INFO'],
  ['CLUSTERDOWN The cluster is down', 'CLUSTERDOWN', PASSES],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'TRYAGAIN', PASSES],
  ['MOVED 9450 127.0.0.1:7001', 'MOVED', PASSES, 'redis-cluster://'],
  ['ASK 9450 127.0.0.1:7001', 'ASK', PASSES],
  ['UNBLOCKED force unblock from blocking operation, instance state changed', 'UNBLOCKED', PASSES],
  ['ERR The client ID you want redirect to does not exist', 'lost redirect', PASSES],
  ['ERR max number of clients reached', 'max clients', PASSES, 'maxclients'],
  ['ERR max number of clients + cluster connections reached', 'max clients', PASSES],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'OOM', REPAIR, 'raise maxmemory'],
  ["OOM command not allowed when used memory > 'maxmemory'. script: 6b1, on @user_script:21.", 'OOM', REPAIR],
  [
    "ERR Error running script (call to f_1): @user_script:21: @user_script: 21: -OOM command not allowed when used memory > 'maxmemory'.",
    'OOM',
    REPAIR,
  ],
  [
    'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk. Commands that may modify the data set are disabled.',
    'MISCONF',
    REPAIR,
    'disk',
  ],
  ['MISCONF Errors writing to the AOF file: No space left on device', 'MISCONF', REPAIR],
  [
    'ERR Error running script (call to f_1): @user_script:8: @user_script: 8: -MISCONF Errors writing to the AOF file: No space left on device',
    'MISCONF',
    REPAIR,
  ],
  ["NOPERM this user has no permissions to run the 'get' command", 'NOPERM', REPAIR, 'grant'],
  [
    "ERR The user executing the script can't run this command or subcommand script: 6b1, on @user_script:2.",
    'NOPERM',
    REPAIR,
  ],
  ['NOAUTH Authentication required.', 'NOAUTH', REPAIR, 'set it in the URL'],
  [
    'WRONGPASS invalid username-password pair or user is disabled.',
    'WRONGPASS',
    REPAIR,
    'check user name and password',
  ],
  ['ERR invalid password', 'WRONGPASS', REPAIR],
  ['ERR DB index is out of range', 'database', REPAIR, 'choose a database'],
  [
    'DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user.',
    'DENIED',
    REPAIR,
    'set a password',
  ],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'WRONGTYPE', FAILS, 'remove it'],
  ["CROSSSLOT Keys in request don't hash to the same slot", 'CROSSSLOT', FAILS, 'redis-cluster://'],
  ["ERR unknown command 'GETEX', with args beginning with: 'BUSY' 'OOM' ", 'unknown command', FAILS],
  ['ERR syntax error', 'other', FAILS],
  ['BUSYGROUP Consumer Group name already exists', 'other', FAILS],
];

describe('a refusal by Redis', () => {
  it.each(ANSWERS)('is recognized: %s', async (text, name, handling, remedy) => {
    await using redis = await openFakeRedis(() => new Error(text));
    const link = openLink(redis.url);

    const error = await link.command('GET', (client) => client.get('a')).catch((failure: unknown) => failure);

    expect(error).toBeInstanceOf(RedisCommandError);
    expect(error).toMatchObject(handling);
    expect(failureOf((error as RedisCommandError).cause).name).toBe(name);
    expect((error as RedisCommandError).message).toContain(remedy ?? 'Redis failed at GET');
    link.close();
  });

  it('has a case for each line of the table except those without an answer', () => {
    const seen = new Set(ANSWERS.map(([, name]) => name));
    const missing = FAILURES.map(({ name }) => name).filter((name) => !seen.has(name));

    expect(missing).toEqual(['TLS', 'NOSCRIPT', 'lost connection', 'timeout']);
  });

  it.each(['NOSCRIPT No matching script. Please use EVAL.', 'ERR NOSCRIPT no such script'])(
    'makes the full script be sent: %s',
    async (text) => {
      await using redis = await openFakeRedis(([name]) => (name === 'EVALSHA' ? new Error(text) : 1));
      const link = openLink(redis.url);

      const reply = await link.run(scripts.dropDuty, { duty: 'asynq:{q}:leader' }, { serverId: 's' });

      expect(reply).toBe(1);
      expect(redis.commands).toEqual(['EVALSHA', 'EVAL']);
      link.close();
    },
  );
});

describe('a connection', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  });
  afterEach(() => void vi.useRealTimers());

  async function failureAt(url: string): Promise<RedisCommandError> {
    const link = openLink(url);
    let error: RedisCommandError | undefined;
    link.command('GET', (client) => client.get('a')).catch((failure: RedisCommandError) => (error = failure));
    await passTimeUntil(() => error !== undefined);
    link.close();
    return error!;
  }

  it('is not closed again once it has ended: a timer for its socket would keep the process alive', async () => {
    await using redis = await openFakeRedis(() => 'OK');
    const link = openLink(redis.url);
    const client = await link.openConnection('subscriber');
    await whenReady(client);
    const ended = once(client, 'end');
    link.close();
    await ended;
    const disconnect = vi.spyOn(client, 'disconnect');

    link.closeConnection(client);

    expect(disconnect).not.toHaveBeenCalled();
  });

  it('that cannot be opened is a transient failure', async () => {
    expect(await failureAt('redis://127.0.0.1:1')).toMatchObject({ ...PASSES, remedy: undefined });
  });

  it('that never answers is a transient failure', async () => {
    await using redis = await openFakeRedis(() => undefined);

    const error = await failureAt(redis.url);

    expect(error).toMatchObject(PASSES);
    expect(failureOf(error.cause).name).toBe('timeout');
  });

  it.each<[string, string]>([
    ['WRONGPASS invalid username-password pair or user is disabled.', 'check user name and password'],
    ['ERR max number of clients reached', 'raise maxclients'],
  ])('whose login is refused reports the reason and a remedy: %s', async (text, remedy) => {
    const login = (): FakeReply => new Error(text);
    await using redis = await openFakeRedis(() => 'value', { login });

    const error = await failureAt(`redis://ada:pw@127.0.0.1:${redis.port}`);

    expect(error.message).toContain(text);
    expect(error.remedy).toContain(remedy);
    expect(error.message).not.toContain('pw@');
  });
});
