import { describe, expect, it } from 'vitest';
import type { Broker } from '../../broker/contract/broker.js';
import { silentLogger } from '../../runtime/logger.js';
import { recordCalls, type RecordedBroker } from '../../test-support/call-recorder.js';
import { failingBroker, type FailingBroker } from '../../test-support/failing-broker.js';
import { replaceMethod } from '../../test-support/replaced-method.js';
import { openMemoryQueue, type TestQueue } from '../../test-support/test-queue.js';
import { listenerOf } from '../../test-support/work-listener.js';
import { WorkWatcher } from './work-watcher.js';

const SLOTS = 10;

const OPTIONS = { dutyLeaseMs: 6_000, maxBlockingConnections: 16, taskCheckIntervalMs: 1_000 };

/** A minimal server: takes every task it can get, ends it at once, and waits for more. */
class FleetServer {
  readonly watcher: WorkWatcher;
  readonly handled: string[] = [];
  readonly recorded: RecordedBroker;
  private readonly broker: FailingBroker;
  private readonly stopping = new AbortController();
  private isServing = false;
  private isSignaled = false;
  private hasFreeSlots = true;

  /** @param neverDone its handlers never end, so that it takes only as many tasks as it has slots */
  constructor(
    private readonly q: TestQueue,
    readonly serverId: string,
    private readonly neverDone = false,
  ) {
    this.broker = failingBroker(q.broker);
    this.recorded = recordCalls(this.broker);
    const options = { ...OPTIONS, queues: [q.name], serverId };
    this.watcher = new WorkWatcher(this.recorded.broker, options, { clock: q.clock, logger: silentLogger });
  }

  start(): void {
    this.watcher.listen(listenerOf(() => void this.serve()));
    this.watcher.start();
    void this.serve();
  }

  /** All slots are and stay taken. */
  fill(): void {
    this.stopping.abort();
    this.hasFreeSlots = false;
    this.watcher.unwatch(this.q.name);
    this.watcher.setFree(false);
  }

  /** Stops without a further call, like a killed process. */
  kill(): void {
    this.stopping.abort();
    for (const method of ['takeDuty', 'keepDuty', 'dropDuty', 'wakeIdle', 'openWatch', 'fetch'] as const) {
      this.broker.failNext(method, { times: Number.POSITIVE_INFINITY });
    }
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.watcher.stop();
  }

  private async serve(): Promise<void> {
    if (this.isServing) return void (this.isSignaled = true);
    this.isServing = true;
    do {
      this.isSignaled = false;
      await this.takeAll().catch(() => undefined); // a killed one
    } while (this.isSignaled);
    this.isServing = false;
    if (this.hasFreeSlots && !this.stopping.signal.aborted) this.watcher.watch(this.q.name);
  }

  private async takeAll(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const { tasks, remaining, isPaused } = await this.broker.fetch(this.q.name, SLOTS, 30_000);
      this.handled.push(...tasks.map(({ message }) => message.id));
      if (isPaused) this.watcher.reportPaused(this.q.name);
      this.watcher.reportRemaining(this.q.name, remaining);
      if (this.neverDone && tasks.length === SLOTS) return this.fill();
      if (remaining === 0) return;
    }
  }
}

async function openFleet(size: number, { neverDone = false } = {}) {
  const q = openMemoryQueue();
  const servers = Array.from({ length: size }, (_, index) => new FleetServer(q, `server-${index}`, neverDone));
  for (const server of servers) server.start();
  await q.clock.advance('1s');
  const push = (...ids: string[]): Promise<unknown> => q.broker.enqueue(ids.map((id) => ({ message: q.message(id) })));
  const handled = (): string[] => servers.flatMap((server) => server.handled);
  const forget = (): void => servers.forEach((server) => server.recorded.calls.splice(0));
  return { q, servers, push, handled, forget };
}

describe('WorkWatcher', () => {
  it('takes a task as soon as it is pushed, with a single server', async () => {
    const { q, push, handled } = await openFleet(1);
    await q.clock.advance('1m');

    await push('a');
    await q.clock.advance(0);

    expect(handled()).toEqual(['a']);
  });

  it('does not miss a task pushed between an empty fetch and the watch', async () => {
    const q = openMemoryQueue();
    const { watcher } = new FleetServer(q, 'a');
    const signals: string[] = [];
    watcher.listen(listenerOf((queue) => signals.push(queue)));
    watcher.start();
    await q.clock.advance(0);
    signals.length = 0;
    await q.broker.enqueue([{ message: q.message('a') }]);

    watcher.watch(q.name);
    await q.clock.advance(0);

    expect(signals).toEqual([q.name]);
    await watcher.stop();
  });

  it('sends no signals for a queue that is not watched', async () => {
    const q = openMemoryQueue();
    const { watcher } = new FleetServer(q, 'a');
    const signals: string[] = [];
    watcher.listen(listenerOf((queue) => signals.push(queue)));
    watcher.start();
    watcher.watch(q.name);
    watcher.unwatch(q.name);
    await q.clock.advance(0);
    signals.length = 0; // it has become leader

    await q.broker.enqueue([{ message: q.message('a') }]);
    await q.clock.advance('10s');

    expect(signals).toEqual([]);
    await watcher.stop();
  });

  it('notifies its listeners when it becomes leader', async () => {
    const q = openMemoryQueue();
    const { watcher } = new FleetServer(q, 'a');
    const elected: string[] = [];
    const endFirst = watcher.onElected((queue) => elected.push(`first ${queue}`));
    watcher.onElected((queue) => elected.push(`second ${queue}`));
    endFirst();

    watcher.start();
    await q.clock.advance(0);

    expect(elected).toEqual([`second ${q.name}`]);
    expect(watcher.isLeader(q.name)).toBe(true);
    expect(watcher.isLeader('another')).toBe(false);
    await watcher.stop();
  });

  it('wakes as many servers as a burst needs', async () => {
    const { q, servers, push, handled } = await openFleet(5, { neverDone: true });

    await push(...Array.from({ length: 5 * SLOTS }, (_, index) => `task-${index}`));
    await q.clock.advance('1ms');
    const bySomeAtOnce = servers.filter((server) => server.handled.length > 0).length;
    await q.clock.advance('500ms');

    expect(bySomeAtOnce).toBeGreaterThanOrEqual(4); // the leader and the servers woken by its tokens
    expect(new Set(handled()).size).toBe(5 * SLOTS);
  });

  it('starts the next task on the standby within 101 ms when the leader was killed', async () => {
    const { q, servers, push } = await openFleet(5);

    servers[0]!.kill();
    await push('a');
    await q.clock.advance('101ms');

    expect(servers[1]!.handled).toEqual(['a']);
  });

  it('starts tasks again within 10 s when leader and standby were killed', async () => {
    const { q, servers, push, handled } = await openFleet(5);

    servers[0]!.kill();
    servers[1]!.kill();
    await push('a');
    await q.clock.advance('10s');

    expect(handled()).toEqual(['a']);
    expect(servers[0]!.handled.concat(servers[1]!.handled)).toEqual([]);
  });

  it('hands the watch over when leader and standby are full, so that an idle server takes the next task', async () => {
    const { q, servers, push } = await openFleet(3, { neverDone: true });
    for (const server of servers.slice(0, 2)) server.fill();
    await q.clock.advance('1001ms');

    await push('a');
    await q.clock.advance(0);

    expect(servers[2]!.handled).toEqual(['a']);
  });

  it('makes another server the leader at once when the leader stops', async () => {
    const { q, servers } = await openFleet(3);

    await servers[0]!.stop();
    await q.clock.advance(0);

    const leaders = servers.filter(({ watcher }) => watcher.isLeader(q.name)).map(({ serverId }) => serverId);
    expect(leaders).toEqual(['server-2']); // the follower, woken by a token
  });

  it('costs a follower one command every 2.5 s, and the leader and the standby one a second', async () => {
    const { q, servers, forget } = await openFleet(50);
    forget();

    await q.clock.advance('1m');

    const perServer = servers.map(({ recorded }) => recorded.calls.length);
    expect(perServer[0]).toBeLessThanOrEqual(40); // leader: renews and peeks
    expect(perServer[1]).toBeLessThanOrEqual(70); // standby: renews, asks for the lead and peeks
    expect(Math.max(...perServer.slice(2))).toBeLessThanOrEqual(28);
  });

  it('costs a fleet of 50 at most 4 calls per task besides its enqueue and fetches', async () => {
    const { q, servers, push, handled, forget } = await openFleet(50);
    await q.clock.advance('10s');
    forget();

    await push('a');
    await q.clock.advance('200ms');
    const watching = servers.flatMap(({ recorded }) => recorded.calls).filter((name) => name === 'peek');

    expect(handled()).toEqual(['a']);
    expect(watching.length).toBeLessThanOrEqual(4);
  });

  it('does not spin on a paused queue, and starts its tasks at once when it is unpaused', async () => {
    const { q, servers, push, handled, forget } = await openFleet(3);
    await q.broker.pause(q.name);
    await push('a');
    await q.clock.advance('1s');
    forget();

    await q.clock.advance('1m');
    const calls = Math.max(...servers.map(({ recorded }) => recorded.calls.length));
    const handledWhilePaused = handled();
    await q.broker.unpause(q.name);
    await q.clock.advance('101ms');

    expect(calls).toBeLessThan(60 + 70); // one poll a second beside the duties
    expect(handledWhilePaused).toEqual([]);
    expect(handled()).toEqual(['a']);
  });

  it('wakes idle servers for remaining tasks, but not at every fetch under load, and goes on when that fails', async () => {
    const q = openMemoryQueue();
    const failing = failingBroker(q.broker);
    const recorded = recordCalls(failing);
    const options = { ...OPTIONS, queues: [q.name], serverId: 'a' };
    const watcher = new WorkWatcher(recorded.broker, options, { clock: q.clock, logger: silentLogger });
    failing.failNext('wakeIdle');

    for (let i = 0; i < 10; i++) {
      watcher.reportRemaining(q.name, 1_000);
      watcher.reportRemaining(q.name, 0);
      await q.clock.advance('50ms');
    }

    expect(recorded.counts()).toEqual({ wakeIdle: 3 });
    const watch = await q.broker.openWatch(q.name);
    expect(await watch!.awaitToken(1)).toBe(true);
  });

  it.each([
    ['the limit is reached', { maxBlockingConnections: 0 }, (broker: Broker): Broker => broker],
    [
      'the broker cannot block',
      {},
      (broker: Broker): Broker => replaceMethod(broker, 'openWatch', async () => undefined),
    ],
  ])('watches a queue without a connection of its own when %s', async (_, differences, over) => {
    const q = openMemoryQueue();
    const options = { ...OPTIONS, ...differences, queues: [q.name], serverId: 'a' };
    const watcher = new WorkWatcher(over(q.broker), options, { clock: q.clock, logger: silentLogger });
    const signals: string[] = [];
    watcher.listen(listenerOf((queue) => signals.push(queue)));
    watcher.start();
    watcher.watch(q.name);
    await q.clock.advance(10);
    signals.length = 0; // it has become leader
    watcher.watch(q.name);
    await q.clock.advance(10);

    await q.broker.enqueue([{ message: q.message('a') }]);
    await q.clock.advance(0);

    expect(signals).toEqual([q.name]);
    expect(watcher.isAlwaysWatched(q.name)).toBe(true);
    await watcher.stop();
  });
});
