import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../runtime/logger.js';
import { systemClock } from '../../runtime/clock.js';
import {
  type FakeRedis,
  type FakeReply,
  openFakeRedis,
  passTimeUntil,
  slotsOf,
} from '../../test-support/fake-redis.js';
import { keySlot } from '../../wire/key-slot.js';
import { keys } from '../../wire/keys.js';
import { openRedisBroker } from './redis-broker.js';
import type { RedisConnection } from './redis-connection.js';

const openBroker = (connection: RedisConnection) =>
  openRedisBroker(connection, { clock: systemClock, logger: silentLogger });

const nameIn = (isHere: (slot: number) => boolean): string =>
  Array.from({ length: 100 }, (_, n) => `queue-${n}`).find((name) => isHere(keySlot(keys.pending(name))))!;

/** Queues of the first and of the second of two nodes. */
const NEAR = nameIn((slot) => slot < 8_192);
const FAR = nameIn((slot) => slot >= 8_192);

/** `CLUSTER SLOTS`, slot by slot. */
function slotsBy(ownerOf: (slot: number) => number): FakeReply {
  const ranges: [number, number, [string, number, string]][] = [];
  for (let slot = 0; slot < 16_384; slot++) {
    const owner = ownerOf(slot);
    const last = ranges.at(-1);
    if (last?.[2][1] === owner) last[1] = slot;
    else ranges.push([slot, slot, ['127.0.0.1', owner, `node-${owner}`]]);
  }
  return ranges;
}

const answer = ([name, key]: readonly string[]): FakeReply => {
  if (name === 'EXISTS') return Number(key!.endsWith(':pending'));
  if (name === 'GETEX') return 'me';
  return 1;
};

/** Two nodes that share the slots evenly, until the test moves those of queues from the first to the second. */
async function openFakeCluster(isFarSick = (): boolean => false) {
  const ports: number[] = [];
  const moved = new Set<number>();
  const slotOf = (queue: string): number => keySlot(keys.pending(queue));
  const ownerOf = (slot: number): number => ports[Number(moved.has(slot) || slot >= 8_192)]!;
  const answerAs =
    (self: number) =>
    (command: readonly string[]): FakeReply => {
      const [name] = command;
      if (name === 'CLUSTER') return slotsBy(ownerOf);
      if (self === 1 && isFarSick()) return new Error('LOADING Redis is loading the dataset in memory');
      if (name === 'SUBSCRIBE') return ['subscribe', command[1]!, 1];
      const slot = keySlot(command[name === 'EVAL' ? 3 : 1]!);
      const owner = ownerOf(slot);
      return owner === ports[self] ? answer(command) : new Error(`MOVED ${slot} 127.0.0.1:${owner}`);
    };
  const nodes = [await openFakeRedis(answerAs(0)), await openFakeRedis(answerAs(1))];
  ports.push(...nodes.map(({ port }) => port));
  return {
    connection: { cluster: ports.map((port) => ({ host: '127.0.0.1', port })) },
    nearQueues: Array.from({ length: 40 }, (_, n) => `queue-${n}`)
      .filter((name) => slotOf(name) < 8_192)
      .slice(0, 4)
      .toSorted(),
    moveAway: (queues: readonly string[]) => queues.forEach((queue) => moved.add(slotOf(queue))),
    async [Symbol.asyncDispose]() {
      for (const node of nodes) await node[Symbol.asyncDispose]();
    },
  };
}

const trackingLost = (): FakeReply => new Error('ERR The client ID you want redirect to does not exist');
const trackingRefused = (): FakeReply => new Error("ERR unknown subcommand 'tracking'");

/** The answer comes when the connection that is told of changes is closed, and open again as another one. */
async function trackingReplaced({ peers }: FakeRedis): Promise<FakeReply> {
  const { length } = peers;
  peers.find(({ name }) => name.includes('subscriber'))!.close();
  await passTimeUntil(() => peers.length > length);
  return 'OK';
}

describe('calls for many queues', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }));
  afterEach(() => void vi.useRealTimers());

  it('fail each by themselves, and announce all of their queues in one command', async () => {
    await using redis = await openFakeRedis((command) =>
      command[1] === keys.leader('broken') ? new Error('ERR broken') : answer(command),
    );
    const broker = openBroker({ url: redis.url });
    const names = ['a', 'broken', 'b'];

    const kept = await Promise.allSettled(names.map((name) => broker.keepDuty(name, 'leader', 'me', 1_000)));
    await passTimeUntil(() => redis.commands.includes('SADD'));

    expect(kept.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(redis.commands.filter((name) => name === 'GETEX')).toHaveLength(3);
    expect(redis.commands.filter((name) => name === 'SADD')).toHaveLength(1);
    await broker.close();
  });

  it.each([
    ['is silent', (): FakeReply => undefined],
    ['fails', (): FakeReply => new Error('LOADING Redis is loading the dataset in memory')],
  ])('are answered by one node of a cluster while the other %s', async (_, sickReply) => {
    const ports: number[] = [];
    const slots = (): FakeReply => slotsOf(ports);
    await using near = await openFakeRedis((command) => (command[0] === 'CLUSTER' ? slots() : answer(command)));
    await using far = await openFakeRedis(([name]) => (name === 'CLUSTER' ? slots() : sickReply()));
    ports.push(near.port, far.port);
    const broker = openBroker({ cluster: ports.map((port) => ({ host: '127.0.0.1', port })) });
    const ended: string[] = [];
    const note = (call: string) => (): void => void ended.push(call);

    broker.keepDuty(FAR, 'leader', 'me', 1_000).catch(note('far'));
    broker.keepDuty(NEAR, 'leader', 'me', 1_000).then(note('near'), note('near failed'));
    let waiting: string[] | undefined;
    void broker.waitingQueues([FAR, NEAR]).then((queues) => (waiting = queues));
    await passTimeUntil(() => waiting !== undefined && ended.includes('near'), 2_000);

    expect(waiting).toEqual([NEAR]);
    expect(ended.filter((call) => call !== 'far')).toEqual(['near']);
    await broker.close();
  });

  it('follow queues whose slots have moved to another node', async () => {
    await using cluster = await openFakeCluster();
    const broker = openBroker(cluster.connection);
    const [first, ...others] = cluster.nearQueues as [string, ...string[]];
    await broker.waitingQueues(cluster.nearQueues);

    cluster.moveAway(others);
    const kept = await Promise.allSettled(
      cluster.nearQueues.map((name) => broker.keepDuty(name, 'leader', 'me', 1_000)),
    );
    cluster.moveAway([first]);
    const waiting = await broker.waitingQueues(cluster.nearQueues);

    expect(kept.map(({ status }) => status)).toEqual(cluster.nearQueues.map(() => 'fulfilled'));
    expect(waiting).toEqual(cluster.nearQueues);
    await broker.close();
  });

  it('find tasks of watched queues whose slots have moved, and later watch them where they are', async () => {
    await using cluster = await openFakeCluster();
    const broker = openBroker(cluster.connection);
    await broker.waitingQueues(cluster.nearQueues);
    cluster.moveAway(cluster.nearQueues.slice(1));
    const onLost = vi.fn<() => void>();

    const watch = await broker.watchQueues({ onChange: () => undefined, onLost });
    const before = (await watch.waiting(cluster.nearQueues)).toSorted();
    await passTimeUntil(() => onLost.mock.calls.length > 0);
    await watch.waiting(cluster.nearQueues);
    await vi.advanceTimersByTimeAsync(20_000);

    expect(before).toEqual(cluster.nearQueues);
    expect(onLost).toHaveBeenCalledOnce();
    await watch.close();
    await broker.close();
  });

  it('look again at watched queues of a node that failed while the other answered', async () => {
    const health = { isSick: true };
    await using cluster = await openFakeCluster(() => health.isSick);
    const broker = openBroker(cluster.connection);
    const onLost = vi.fn<() => void>();

    const watch = await broker.watchQueues({ onChange: () => undefined, onLost });
    const before = await watch.waiting([FAR, NEAR]);
    health.isSick = false;
    await passTimeUntil(() => onLost.mock.calls.length > 0);

    expect(before).toEqual([NEAR]);
    expect(await watch.waiting([FAR])).toEqual([FAR]);
    await watch.close();
    await broker.close();
  });

  it.each([
    ['tried again when Redis no longer knows the connection to tell', trackingLost, 2],
    ['tried again when the connection to tell is replaced meanwhile', trackingReplaced, 2],
    ['given up when Redis refuses to', trackingRefused, 1],
  ])('are watched by tracking, which is %s', async (_, firstReply, attempts) => {
    let tracked = 0;
    const replyTo = (command: readonly string[]): FakeReply =>
      command[0] === 'SUBSCRIBE' ? ['subscribe', command[1]!, 1] : answer(command);
    const tracking = () => (++tracked === 1 ? firstReply(redis) : 'OK');
    await using redis: FakeRedis = await openFakeRedis(replyTo, { tracking });
    const broker = openBroker({ url: redis.url });
    const watch = await broker.watchQueues({ onChange: () => undefined, onLost: () => undefined });

    await watch.waiting(['a']).catch(() => undefined);

    expect(await watch.waiting(['a', 'b'])).toEqual(['a', 'b']);
    expect(tracked).toBe(attempts);
    await watch.close();
    await broker.close();
  });

  it('find tasks one by one where a server refuses keys of several slots', async () => {
    await using redis = await openFakeRedis((command) =>
      command[0] === 'EXISTS' && command.length > 2
        ? new Error('CROSSSLOT Keys in request do not hash to the same slot')
        : answer(command),
    );
    const broker = openBroker({ url: redis.url });

    expect(await broker.waitingQueues(['a', 'b'])).toEqual(['a', 'b']);
    await broker.close();
  });
});
