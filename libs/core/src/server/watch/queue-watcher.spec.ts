import { describe, expect, it } from 'vitest';
import type { MemoryBroker } from '../../broker/memory/memory-broker.js';
import type { Broker } from '../../broker/contract/broker.js';
import type { Duty } from '../../broker/contract/wake.js';
import { silentLogger } from '../../runtime/logger.js';
import { recordCalls } from '../../testing/call-recorder.js';
import { failingBroker } from '../../testing/failing-broker.js';
import { replaceMethod } from '../../testing/replaced-method.js';
import { openMemoryQueue } from '../../testing/test-queue.js';
import { QueueWatcher } from './queue-watcher.js';
import { WorkDemand } from './work-demand.js';

interface Setup {
  /** Changes the broker that the watcher sees. */
  readonly over?: (broker: Broker) => Broker;
  readonly canBlock?: boolean;
}

function openWatched(role: Duty | 'follower', { over = (broker) => broker, canBlock = true }: Setup = {}) {
  const q = openMemoryQueue();
  const recorded = recordCalls(over(q.broker));
  const demand = new WorkDemand(q.clock, () => undefined);
  const duty = {
    triedToLead: 0,
    isLeader: () => role === 'leader',
    settleRole: async () => role,
    tryLead: async () => void duty.triedToLead++,
  };
  const options = { queue: q.name, canBlock, pollIntervalMs: 1_000 };
  const deps = { clock: q.clock, logger: silentLogger, random: () => 0.5 };
  const watcher = new QueueWatcher(recorded.broker, duty, demand, options, deps);
  let wakeUps = 0;
  demand.onWork = () => (wakeUps += 1);
  /** The processor found the queue empty. */
  const waitForWork = (): void => {
    demand.watch(q.name);
    watcher.wake();
  };
  watcher.start();
  const push = (id: string): Promise<unknown> => q.broker.enqueue([{ message: q.message(id) }]);
  return {
    q,
    clock: q.clock,
    counts: recorded.counts,
    demand,
    duty,
    watcher,
    waitForWork,
    push,
    wakeUps: () => wakeUps,
  };
}

describe('QueueWatcher', () => {
  it('wakes the leader the moment a task is pushed, and waits in one call until then', async () => {
    const { clock, counts, waitForWork, push, wakeUps } = openWatched('leader');
    waitForWork();
    await clock.advance('7s');

    await push('a');
    await clock.advance(0);

    expect(wakeUps()).toBe(1);
    expect(counts()['peek']).toBe(1);
  });

  it('does not look at a queue that the processor has not found empty, whatever is pending', async () => {
    const { clock, counts, push } = openWatched('leader');
    await push('a');

    await clock.advance('1m');

    expect(counts()).toEqual({});
  });

  it('looks once per wait of the processor at a queue that stays full', async () => {
    const { clock, counts, waitForWork, push, wakeUps } = openWatched('leader');
    await push('a');

    for (let i = 0; i < 3; i++) {
      waitForWork();
      await clock.advance('10s');
    }

    expect(wakeUps()).toBe(3);
    expect(counts()['peek']).toBe(3);
  });

  it('lets the leader take a task that the standby sees too', async () => {
    const { q, clock, waitForWork, push, wakeUps } = openWatched('standby');
    waitForWork();
    await clock.advance(0);

    await push('a');
    await clock.advance('50ms');
    await q.broker.fetch(q.name, 1, 30_000);
    await clock.advance('5s');

    expect(wakeUps()).toBe(0);
  });

  it('wakes the standby when the leader leaves a task', async () => {
    const { clock, waitForWork, push, wakeUps } = openWatched('standby');
    waitForWork();
    await clock.advance(0);

    await push('a');
    await clock.advance('101ms');

    expect(wakeUps()).toBe(1);
  });

  it('wakes a follower by a token alone, which may mean that there is no leader', async () => {
    const { q, clock, duty, waitForWork, push, wakeUps } = openWatched('follower');
    waitForWork();
    await push('a');
    await clock.advance('1m');
    const wokenByTask = wakeUps();

    await q.broker.wakeIdle(q.name, 1);
    await clock.advance(0);

    expect(wokenByTask).toBe(0);
    expect(wakeUps()).toBe(1);
    expect(duty.triedToLead).toBe(1);
  });

  it('hands a token on when its server filled up meanwhile', async () => {
    const { q, clock, demand, waitForWork } = openWatched('follower');
    waitForWork();
    await clock.advance(0);
    demand.unwatch(q.name);
    demand.setFree(false); // other queues had work

    await q.broker.wakeIdle(q.name, 1);
    await clock.advance(0);

    const another = await q.broker.openWatch(q.name);
    expect(await another!.awaitToken(1)).toBe(true);
  });

  it('costs a follower one command every 5 s', async () => {
    const { clock, counts, waitForWork } = openWatched('follower');
    waitForWork();

    await clock.advance('1m');

    expect(counts()).toEqual({ openWatch: 1, awaitToken: 13 });
  });

  describe('on a paused queue', () => {
    async function openPaused() {
      const opened = openWatched('leader');
      await opened.push('a');
      await opened.q.broker.pause(opened.q.name);
      opened.watcher.pause();
      opened.waitForWork();
      await opened.clock.advance(0);
      return opened;
    }

    it('asks about once a second instead of peeking', async () => {
      const { clock, counts, wakeUps } = await openPaused();

      await clock.advance('1m');

      expect(counts()).toEqual({ onNudge: 1, waitingCount: 60 });
      expect(wakeUps()).toBe(0);
    });

    it('does not ask more often when the processor comes and goes', async () => {
      const { clock, counts, watcher } = await openPaused();

      for (let i = 0; i < 100; i++) {
        watcher.wake();
        await clock.advance('5ms');
      }

      expect(counts()['waitingCount']).toBeUndefined();
    });

    it('wakes the processor at once when one of ours unpauses', async () => {
      const { q, clock, wakeUps } = await openPaused();

      await q.broker.unpause(q.name);
      await clock.advance(0);

      expect(wakeUps()).toBe(1);
    });

    it('finds out by itself when Go unpauses, which tells nobody', async () => {
      const { q, clock, wakeUps } = await openPaused();

      (q.broker as MemoryBroker).store.queue(q.name).pausedAtS = undefined;
      await clock.advance('1s');

      expect(wakeUps()).toBe(1);
    });
  });

  describe('when the broker cannot block', () => {
    it.each([
      ['by the limit', { canBlock: false }],
      ['by its version', { over: (broker: Broker) => replaceMethod(broker, 'openWatch', async () => undefined) }],
    ])('polls %s', async (_, how) => {
      const { clock, counts, waitForWork, push, wakeUps } = openWatched('leader', how);
      waitForWork();
      await clock.advance('10s');
      const wokenEarly = wakeUps();

      await push('a');
      await clock.advance('1s');

      expect(wokenEarly).toBe(0);
      expect(wakeUps()).toBe(1);
      expect(counts()['waitingCount']).toBe(12);
    });
  });

  it('opens a new connection with growing pauses when waiting fails', async () => {
    let opened = 0;
    const failingWatch = {
      peek: () => Promise.reject(new Error('gone')),
      awaitToken: async () => false,
      close: async () => undefined,
    };
    const over = (broker: Broker): Broker => replaceMethod(broker, 'openWatch', async () => (opened++, failingWatch));
    const { clock, counts, waitForWork } = openWatched('leader', { over });
    waitForWork();

    await clock.advance('1m');

    expect(opened).toBeGreaterThan(10);
    expect(opened).toBeLessThan(25);
    expect(counts()['close']).toBe(opened - 1); // the last one is for the next wait
  });

  it('ends the wait under way at stop', async () => {
    const { clock, counts, watcher, waitForWork } = openWatched('leader');
    waitForWork();
    await clock.advance('1s');

    await watcher.stop(); // no time passes

    expect(counts()['close']).toBe(1);
  });

  it('wakes idle servers for what is left, but not at every fetch under load', async () => {
    const { q, clock, counts, watcher } = openWatched('leader');

    for (let i = 0; i < 10; i++) {
      await watcher.wakeOthers(1_000);
      await clock.advance('50ms');
    }

    expect(counts()['wakeIdle']).toBe(3);
    const watch = await q.broker.openWatch(q.name);
    expect(await watch!.awaitToken(1)).toBe(true);
  });

  it('goes on when waking others fails', async () => {
    const over = (broker: Broker): Broker => {
      const failing = failingBroker(broker);
      failing.failNext('wakeIdle');
      return failing;
    };
    const { watcher } = openWatched('leader', { over });

    await expect(watcher.wakeOthers(1)).resolves.toBeUndefined();
  });
});
