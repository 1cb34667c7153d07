import { expect, it } from 'vitest';
import { openRedisQueue, type TestQueue } from '../support/test-queue.js';
import { member, takeAll } from './grouped-tasks.js';
import { shareRedis } from './shared-redis.js';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];
/** Two of them are more than one reply may hold. */
const PAYLOAD = new Uint8Array(600_000);
const redis = shareRedis();

type Outcome = Parameters<TestQueue['broker']['settle']>[1][number]['outcome'];

const messages = Object.fromEntries(IDS.map((id) => [id, { payload: PAYLOAD }]));

/** How many scripts ran, one reply each, and how many hashes were read outside of scripts. */
async function replies(act: () => Promise<unknown>): Promise<{ scripts: number }> {
  await redis.client.config('RESETSTAT');
  await act();
  const stats = await redis.client.info('commandstats');
  const calls = (command: string): number =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  return { scripts: calls('evalsha') };
}

async function warmUp(q: TestQueue): Promise<void> {
  await q.broker.listTasks(q.name, { state: 'archived' }, 0, 100); // the scripts are known from now on
}

it('lists large tasks in a reply for each', async () => {
  await using q = openRedisQueue(redis.client);
  await q.seed({ archived: Object.fromEntries(IDS.map((id) => [id, '1s'])), messages });
  await warmUp(q);

  const seen = await replies(() => q.broker.listTasks(q.name, { state: 'archived' }, 0, 100));

  expect(seen.scripts).toBe(IDS.length);
});

it('recovers large tasks in a reply for each, and returns each batch before it reads the next', async () => {
  await using q = openRedisQueue(redis.client);
  await q.seed({ active: IDS, messages });
  await q.clock.advance('1m');
  await warmUp(q);

  const seen = await replies(() => q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 3, limit: 100 }));

  expect(seen.scripts).toBeGreaterThanOrEqual(2 * IDS.length - 1); // the first call of a script sends its text
});

it.each([
  ['a retry', { kind: 'retry', retryAtMs: 0, error: 'no', isFailure: true }, PAYLOAD],
  ['the archive', { kind: 'archive', error: 'no' }, PAYLOAD],
  ['a result', { kind: 'complete', result: PAYLOAD }, new Uint8Array()],
] as const)('stores the outcomes of large tasks, which is %s, in a call for each', async (_, outcome, payload) => {
  await using q = openRedisQueue(redis.client);
  await q.seed({ active: IDS, messages: Object.fromEntries(IDS.map((id) => [id, { payload }])) });
  const settlements = IDS.map((id) => ({ message: q.message(id, { payload }), claim: q.claim(id), outcome }));
  await q.broker.settle(q.name, settlements.splice(0, 1)); // the script is known from now on

  const seen = await replies(() => q.broker.settle(q.name, settlements));

  expect(seen.scripts).toBe(IDS.length - 1);
});

it('reads the large members of a set in a reply for each', async () => {
  await using q = openRedisQueue(redis.client);
  await q.broker.enqueue(
    IDS.map((id) => ({ ...member(q, id), message: q.message(id, { groupKey: 'digest', payload: PAYLOAD }) })),
  );
  await warmUp(q);

  const seen = await replies(() => takeAll(q));

  expect(seen.scripts).toBeGreaterThanOrEqual(IDS.length);
});

it.each(['complete', 'retry', 'archive'] as const)('writes large outcomes in a call for each (%s)', async (kind) => {
  await using q = openRedisQueue(redis.client);
  const large = new Uint8Array(3_000_000);
  await q.seed({
    active: IDS,
    messages: Object.fromEntries(IDS.map((id) => [id, { payload: large, retentionS: 60n }])),
  });
  await warmUp(q);
  const outcome = {
    complete: { kind, result: large },
    retry: { kind, retryAtMs: q.clock.nowMs(), error: 'no', isFailure: true },
    archive: { kind, error: 'no' },
  }[kind] as Outcome;
  const settlements = IDS.map((id) => ({
    message: q.message(id, { payload: large, retentionS: 60n }),
    claim: q.claim(id),
    outcome,
  }));

  let answers: unknown[] = [];
  const seen = await replies(async () => (answers = await q.broker.settle(q.name, settlements)));

  expect(answers).toEqual(IDS.map(() => 'settled'));
  expect(seen.scripts).toBeGreaterThanOrEqual(IDS.length);
});
