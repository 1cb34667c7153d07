import { describe, expect, it } from 'vitest';
import type { Broker } from '../../broker/contract/broker.js';
import type { MemoryBroker } from '../../broker/memory/memory-broker.js';
import type { Duty } from '../../broker/contract/wake.js';
import { silentLogger } from '../../runtime/logger.js';
import { recordCalls } from '../../test-support/call-recorder.js';
import { failingBroker } from '../../test-support/failing-broker.js';
import { openMemoryQueue } from '../../test-support/test-queue.js';
import { listenerOf } from '../../test-support/work-listener.js';
import { QueuePoller } from './queue-poller.js';
import { WorkDemand } from './work-demand.js';

interface Setup {
  readonly role?: Duty | 'follower';
  /** Changes the broker of the poller. */
  readonly over?: (broker: Broker) => Broker;
}

/** A poller of one queue with a pending task or not, beside others that stay empty. */
function openPolled({ role = 'leader', over = (broker) => broker }: Setup = {}) {
  const q = openMemoryQueue();
  const recorded = recordCalls(over(q.broker));
  const demand = new WorkDemand(q.clock, () => undefined);
  const duties = { isLeader: () => role === 'leader', isLookout: () => role !== 'follower' };
  const deps = { clock: q.clock, logger: silentLogger, random: () => 0.5 };
  const poller = new QueuePoller(recorded.broker, duties, demand, { pollIntervalMs: 1_000 }, deps);
  const signals: string[] = [];
  demand.listener = listenerOf((queue) => signals.push(queue));
  /** The processor found the queues empty. */
  const waitForWork = (...queues: string[]): void => {
    for (const queue of queues) {
      demand.watch(queue);
      poller.lookAt(queue);
    }
  };
  const others = ['other-1', 'other-2', 'other-3'];
  for (const queue of [q.name, ...others]) poller.add(queue);
  poller.start();
  waitForWork(q.name, ...others);
  const push = (id: string): Promise<unknown> => q.broker.enqueue([{ message: q.message(id) }]);
  return { q, clock: q.clock, counts: recorded.counts, demand, poller, waitForWork, push, signals };
}

describe('QueuePoller', () => {
  it('signals a task as soon as it is pushed, and once', async () => {
    const { q, clock, push, signals } = openPolled();
    await clock.advance(10);

    await push('a');
    await clock.advance(0);
    await push('b');
    await clock.advance(0);

    expect(signals).toEqual([q.name]);
  });

  it('signals a task that is pushed before the processor waits, and after each of its waits', async () => {
    const { q, clock, push, signals, waitForWork } = openPolled();
    await push('a');
    await clock.advance(0);

    for (let i = 0; i < 2; i++) {
      waitForWork(q.name);
      await clock.advance(0);
    }

    expect(signals).toEqual([q.name, q.name, q.name]);
  });

  it('looks at all queues in one call per interval', async () => {
    const { clock, counts } = openPolled();

    await clock.advance('10500ms');

    expect(counts()).toEqual({ watchQueues: 1, waiting: 1, waitingQueues: 11 });
  });

  it('leaves a task to the leader that the standby sees too', async () => {
    const { q, clock, push, signals } = openPolled({ role: 'standby' });
    await clock.advance(10);

    await push('a');
    await clock.advance('50ms');
    await q.broker.fetch(q.name, 1, 30_000);
    await clock.advance('5s');

    expect(signals).toEqual([]);
  });

  it('signals the standby when the leader leaves a task', async () => {
    const { q, clock, push, signals } = openPolled({ role: 'standby' });
    await clock.advance(10);

    await push('a');
    await clock.advance('101ms');

    expect(signals).toEqual([q.name]);
  });

  it('finds tasks as a follower by polling', async () => {
    const { q, clock, counts, push, signals } = openPolled({ role: 'follower' });
    await clock.advance(10);

    await push('a');
    await clock.advance('500ms');
    const early = [...signals];
    await clock.advance('500ms');

    expect(early).toEqual([]);
    expect(signals).toEqual([q.name]);
    expect(counts()['watchQueues']).toBeUndefined();
  });

  it('sends no signals for a queue that is not watched', async () => {
    const { q, clock, demand, push, signals } = openPolled();
    await clock.advance(10);
    demand.unwatch(q.name);

    await push('a');
    await clock.advance('10s');

    expect(signals).toEqual([]);
  });

  it('does not spin on a paused queue, and signals it at once when it is unpaused', async () => {
    const { q, clock, counts, push, signals, waitForWork } = openPolled();
    await q.broker.pause(q.name);
    await push('a');
    await clock.advance(10);
    waitForWork(q.name);
    await clock.advance('9s');
    const whilePaused = { signals: [...signals], looks: counts()['waiting'] };

    await q.broker.unpause(q.name);
    await clock.advance(0);

    expect(whilePaused).toEqual({ signals: [], looks: 2 });
    expect(signals).toEqual([q.name]);
  });

  it('finds a task within the interval that no message announced', async () => {
    const { q, clock, signals } = openPolled();
    await clock.advance(10);
    const queue = (q.broker as MemoryBroker).store.queue(q.name);

    queue.pending.pushLeft('silent');
    await clock.advance('1s');

    expect(signals).toEqual([q.name]);
  });

  it('looks at every queue again when changes may have been lost', async () => {
    let lose: () => void = () => undefined;
    const over = (broker: Broker): Broker => ({
      ...broker,
      watchQueues: (listener) => ((lose = listener.onLost), broker.watchQueues(listener)),
    });
    const { clock, counts } = openPolled({ over });
    await clock.advance(10);

    lose();
    await clock.advance(10);

    expect(counts()['waiting']).toBe(2);
  });

  it('watches again after a failure', async () => {
    const over = (broker: Broker): Broker => {
      const failing = failingBroker(broker);
      failing.failNext('watchQueues', { times: 2 });
      return failing;
    };
    const { q, clock, push, signals } = openPolled({ over });
    await clock.advance('700ms');

    await push('a');
    await clock.advance(0);

    expect(signals).toEqual([q.name]);
  });

  it('closes its watch at stop', async () => {
    const { clock, counts, poller } = openPolled();
    await clock.advance(10);

    await poller.stop();

    expect(counts()['close']).toBe(1);
  });

  it('polls while queues cannot be watched, as when Redis accepts no more connections', async () => {
    const { q, clock, push, signals } = openPolled({
      over: (broker) => ({ ...broker, watchQueues: () => Promise.reject(new Error('max number of clients reached')) }),
    });
    await clock.advance('10s');

    await push('a');
    await clock.advance('10s');

    expect(signals).toContain(q.name);
  });
});
