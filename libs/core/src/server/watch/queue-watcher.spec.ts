import { describe, expect, it } from 'vitest';
import type { MemoryBroker } from '../../broker/memory/memory-broker.js';
import type { Broker } from '../../broker/contract/broker.js';
import type { FetchReply } from '../../broker/contract/lease.js';
import type { Duty, NextFetch } from '../../broker/contract/wake.js';
import { silentLogger } from '../../runtime/logger.js';
import { recordCalls } from '../../test-support/call-recorder.js';
import { replaceMethod } from '../../test-support/replaced-method.js';
import { openMemoryQueue } from '../../test-support/test-queue.js';
import { listenerOf } from '../../test-support/work-listener.js';
import { QueueWatcher } from './queue-watcher.js';
import { WorkDemand } from './work-demand.js';

interface Setup {
  /** Changes the broker of the watcher. */
  readonly over?: (broker: Broker) => Broker;
}

function openWatched(role: Duty | 'follower', { over = (broker) => broker }: Setup = {}) {
  const q = openMemoryQueue();
  const recorded = recordCalls(over(q.broker));
  const demand = new WorkDemand(q.clock, () => undefined);
  const duty = {
    triedToLead: 0,
    isLeader: () => role === 'leader',
    settledRole: undefined,
    settleRole: async () => role,
    tryLead: async () => void duty.triedToLead++,
  };
  let refusals = 0;
  const options = { queue: q.name, onCannotBlock: () => void refusals++ };
  const deps = { clock: q.clock, logger: silentLogger, random: () => 0.5 };
  const watcher = new QueueWatcher(recorded.broker, duty, demand, options, deps);
  let wakeUps = 0;
  demand.listener = listenerOf(() => (wakeUps += 1));
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
    refusals: () => refusals,
  };
}

describe('QueueWatcher', () => {
  it('wakes the leader as soon as a task is pushed, and waits in one call until then', async () => {
    const { clock, counts, waitForWork, push, wakeUps } = openWatched('leader');
    waitForWork();
    await clock.advance('7s');

    await push('a');
    await clock.advance(0);

    expect(wakeUps()).toBe(1);
    expect(counts()['peek']).toBe(1);
  });

  describe('where the next task can be fetched in the same round trip', () => {
    const NEXT = { leaseMs: 30_000, withSince: false };
    const REPLY: FetchReply = { tasks: [], isPaused: false, remaining: 3 };

    function openFetching(role: Duty, next: NextFetch | undefined, answer: () => Promise<FetchReply | boolean>) {
      const asked: unknown[] = [];
      const fetchNext = async (...args: unknown[]): Promise<FetchReply | boolean> => {
        asked.push(args);
        return answer();
      };
      const over = (broker: Broker): Broker =>
        replaceMethod(broker, 'openWatch', async (queue) => ({ ...(await broker.openWatch(queue))!, fetchNext }));
      const opened = openWatched(role, { over });
      const delivered: unknown[] = [];
      opened.demand.listener = {
        ...opened.demand.listener,
        nextFetch: () => next,
        onFetched: (queue, reply) => delivered.push([queue, reply]),
      };
      return { ...opened, asked, delivered };
    }

    it('delivers what the leader has fetched, once for each wait of the processor', async () => {
      const { q, clock, waitForWork, wakeUps, asked, delivered } = openFetching('leader', NEXT, async () => REPLY);

      waitForWork();
      await clock.advance('1m');

      expect(asked).toEqual([[8_000, NEXT]]);
      expect(delivered).toEqual([[q.name, REPLY]]);
      expect(wakeUps()).toBe(0);
    });

    it('wakes the processor when there may be tasks that were not fetched', async () => {
      const { clock, waitForWork, wakeUps, delivered } = openFetching('leader', NEXT, async () => true);

      waitForWork();
      await clock.advance('1m');

      expect(wakeUps()).toBe(1);
      expect(delivered).toEqual([]);
    });

    it('waits on when none came, and after a failure', async () => {
      const answers = [async () => false, () => Promise.reject(new Error('cut')), async () => REPLY];
      const { clock, waitForWork, delivered } = openFetching('leader', NEXT, () => answers.shift()!());

      waitForWork();
      await clock.advance('1m');

      expect(delivered).toHaveLength(1);
    });

    it.each<[string, Duty, NextFetch | undefined]>([
      ['the standby', 'standby', NEXT],
      ['a leader whose processor wants none', 'leader', undefined],
    ])('%s only peeks', async (_, role, next) => {
      const { clock, counts, waitForWork, push, wakeUps, asked } = openFetching(role, next, async () => REPLY);
      await push('a');

      waitForWork();
      await clock.advance('1s');

      expect(asked).toEqual([]);
      expect(wakeUps()).toBe(1);
      expect(counts()['openWatch']).toBe(1);
    });
  });

  it('does not watch a queue that the processor has not found empty, whatever is pending', async () => {
    const { clock, counts, push } = openWatched('leader');
    await push('a');

    await clock.advance('1m');

    expect(counts()).toEqual({});
  });

  it('checks a queue that stays full once per wait of the processor', async () => {
    const { clock, counts, waitForWork, push, wakeUps } = openWatched('leader');
    await push('a');

    for (let i = 0; i < 3; i++) {
      waitForWork();
      await clock.advance('10s');
    }

    expect(wakeUps()).toBe(3);
    expect(counts()['peek']).toBe(3);
  });

  it('leaves a task to the leader that the standby sees too', async () => {
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

  it('wakes a follower only by a token, which may mean that there is no leader', async () => {
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

  it('passes a token on when its server has become full', async () => {
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
    async function openPaused(setup?: Setup) {
      const opened = openWatched('leader', setup);
      await opened.push('a');
      await opened.q.broker.pause(opened.q.name);
      opened.watcher.pause();
      opened.waitForWork();
      await opened.clock.advance(0);
      return opened;
    }

    it('polls about once a second instead of peeking', async () => {
      const { clock, counts, wakeUps } = await openPaused();

      await clock.advance('1m');

      expect(counts()).toEqual({ onNudge: 1, waitingQueues: 60 });
      expect(wakeUps()).toBe(0);
    });

    it('does not poll more often when the processor starts and stops waiting', async () => {
      const { clock, counts, watcher } = await openPaused();

      for (let i = 0; i < 100; i++) {
        watcher.wake();
        await clock.advance('5ms');
      }

      expect(counts()['waitingQueues']).toBeUndefined();
    });

    it('wakes the processor at once when one of ours unpauses', async () => {
      const { q, clock, wakeUps } = await openPaused();

      await q.broker.unpause(q.name);
      await clock.advance(0);

      expect(wakeUps()).toBe(1);
    });

    it.each([
      ['Go unpauses, without a notification', {}],
      [
        'the broker does not answer the subscription',
        { over: (broker: Broker) => replaceMethod(broker, 'onNudge', () => new Promise(() => undefined)) },
      ],
    ])('notices by itself when %s', async (_, setup) => {
      const { q, clock, wakeUps } = await openPaused(setup);

      (q.broker as MemoryBroker).store.queue(q.name).pausedAtS = undefined;
      await clock.advance('2s');

      expect(wakeUps()).toBe(1);
    });
  });

  it('tells once that the broker cannot block, and rests', async () => {
    const over = (broker: Broker): Broker => replaceMethod(broker, 'openWatch', async () => undefined);
    const { clock, counts, waitForWork, refusals } = openWatched('leader', { over });
    waitForWork();
    await clock.advance('10s');
    waitForWork();

    await clock.advance('10s');

    expect(refusals()).toBe(1);
    expect(counts()).toEqual({ openWatch: 1 });
  });

  it('opens a new connection with growing delays when waiting fails', async () => {
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

  it('ends the pending wait at stop', async () => {
    const { clock, counts, watcher, waitForWork } = openWatched('leader');
    waitForWork();
    await clock.advance('1s');

    await watcher.stop(); // no time passes

    expect(counts()['close']).toBe(1);
  });
});
