import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { defaultMessage } from '../../test-support/test-queue.js';
import { FakeClock } from '../../testing/fake-clock.js';
import type { ServerInfo } from '../../wire/server-info.js';
import type { TaskMessage } from '../../wire/task-message.js';
import { openMemoryBroker, type MemoryBroker } from './memory-broker.js';

const QUEUE = 'default';

const messageOf = (id: string): TaskMessage => ({ ...defaultMessage(QUEUE, id), payload: Uint8Array.from([1, 2, 3]) });

const serverInfo: ServerInfo = {
  host: 'test-host',
  pid: 42,
  serverId: randomUUID(),
  concurrency: 1,
  queues: { [QUEUE]: 1 },
  strictPriority: false,
  status: 'active',
  startedAtMs: 0,
  activeWorkerCount: 0,
};

function openBroker(): { broker: MemoryBroker; clock: FakeClock } {
  const clock = new FakeClock();
  return { broker: openMemoryBroker({ clock }), clock };
}

/** Behavior of the memory broker alone, or for which a test would have to wait on a real Redis. */
describe('MemoryBroker', () => {
  it('gives each reader a message of its own', async () => {
    const { broker } = openBroker();
    await broker.enqueue([{ message: messageOf('mine') }]);

    const before = await broker.findTask(QUEUE, 'mine');
    before!.message.payload.fill(0);
    const { tasks } = await broker.fetch(QUEUE, 1, 30_000);

    expect(tasks[0]?.message).toEqual(messageOf('mine'));
  });

  it('yields to the event loop while a queue is drained', async () => {
    const { broker } = openBroker();
    await broker.enqueue(Array.from({ length: 100 }, (_, at) => ({ message: messageOf(String(at)) })));
    let pendingAtTurn: number | undefined;
    setImmediate(() => void broker.listSize(QUEUE, { state: 'pending' }).then((count) => (pendingAtTurn = count)));

    while ((await broker.fetch(QUEUE, 1, 30_000)).tasks.length > 0);

    expect(pendingAtTurn).toBeGreaterThan(90);
  });

  it('releases a unique lock when it expires', async () => {
    const { broker, clock } = openBroker();
    const enqueueUnique = (id: string) =>
      broker.enqueue([{ message: { ...messageOf(id), uniqueKey: 'lock' }, uniqueTtlS: 10 }]);
    await enqueueUnique('first');
    await clock.advance(9_999);

    const early = await enqueueUnique('second');
    await clock.advance(1);
    const late = await enqueueUnique('third');

    expect(early).toEqual([{ status: 'duplicate', holderId: 'first' }]);
    expect(late).toEqual([{ status: 'pending' }]);
  });

  it('hides a server whose heartbeat has expired', async () => {
    const { broker, clock } = openBroker();
    await broker.writePresence(serverInfo, [], 10);
    await clock.advance('9s');
    expect(broker.store.presence.get(serverInfo.serverId)?.server).toEqual(serverInfo);

    await clock.advance('1s');

    expect(broker.store.presence.get(serverInfo.serverId)).toBeUndefined();
  });

  it('expires unused wake tokens after two seconds', async () => {
    const { broker, clock } = openBroker();
    const watch = (await broker.openWatch(QUEUE))!;
    await broker.wakeIdle(QUEUE, 3);
    await clock.advance('2s');

    const token = watch.awaitToken(1_000);
    await clock.advance('1s');

    expect(await token).toBe(false);
  });

  it('wakes idle servers in the order in which they went to sleep', async () => {
    const { broker } = openBroker();
    const woken: string[] = [];
    const waits = ['first', 'second', 'third'].map(async (name) => {
      const watch = (await broker.openWatch(QUEUE))!;
      await watch.awaitToken(60_000);
      woken.push(name);
      return watch.close();
    });
    await broker.ping(); // a turn later all of them wait

    for (const name of ['first', 'second', 'third']) {
      await broker.wakeIdle(QUEUE, 1);
      await expect.poll(() => woken.at(-1)).toBe(name);
    }

    await Promise.all(waits);
    expect(woken).toEqual(['first', 'second', 'third']);
  });

  it('ends all waits when it is closed, and may be closed twice', async () => {
    const { broker } = openBroker();
    const watch = (await broker.openWatch(QUEUE))!;
    const waits = [watch.peek(60_000), watch.awaitToken(60_000)];

    await broker.close();
    await broker.close();

    expect(await Promise.all(waits)).toEqual([false, false]);
  });

  it('forgets the counters of a day after 90 days, and keeps the totals', async () => {
    const { broker, clock } = openBroker();
    const runOne = async (id: string): Promise<void> => {
      await broker.enqueue([{ message: messageOf(id) }]);
      const { tasks } = await broker.fetch(QUEUE, 1, 30_000);
      const claim = { id, expiriesS: [tasks[0]!.leaseExpiresAtS] };
      await broker.settle(QUEUE, [{ message: tasks[0]!.message, claim, outcome: { kind: 'done' } }]);
    };
    await runOne('old');
    await clock.advance('91d');

    await runOne('new');

    const { counters } = broker.store.queue(QUEUE);
    expect([...counters.days.keys()]).toEqual(['2024-02-13']);
    expect(counters.total).toEqual({ processed: 2, failed: 0 });
  });

  it('stays fast with many thousands of tasks of every kind', async () => {
    const { broker, clock } = openBroker();
    const count = 20_000;
    await broker.enqueue(Array.from({ length: count }, (_, at) => ({ message: messageOf(`p${at}`) })));
    const processAtMs = clock.nowMs() + 1_000;
    const before = process.cpuUsage();

    await broker.enqueue(
      Array.from({ length: count }, (_, at) => ({
        message: messageOf(`s${at}`),
        processAtMs: processAtMs + (at % 977),
      })),
    );
    await clock.advance('2s');
    while ((await broker.forwardDue(QUEUE, 100)).moved > 0);
    let ended = 0;
    for (let tasks = await fetchAndEnd(broker, 100); tasks > 0; tasks = await fetchAndEnd(broker, 100)) ended += tasks;

    expect(ended).toBe(2 * count);
    // A scan of all tasks for each of them would take more than ten times the processor time.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(8);
  });
});

async function fetchAndEnd(broker: MemoryBroker, limit: number): Promise<number> {
  const { tasks } = await broker.fetch(QUEUE, limit, 30_000);
  await broker.settle(
    QUEUE,
    tasks.map(({ message, leaseExpiresAtS }) => ({
      message,
      claim: { id: message.id, expiriesS: [leaseExpiresAtS] },
      outcome: { kind: 'done' },
    })),
  );
  return tasks.length;
}
