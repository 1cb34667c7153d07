import { describe, expect, it } from 'vitest';
import type { Broker } from '../../broker/contract/broker.js';
import type { ForwardReply } from '../../broker/contract/forward.js';
import { sleep } from '../../runtime/clock.js';
import { silentLogger } from '../../runtime/logger.js';
import { recordCalls } from '../../test-support/call-recorder.js';
import { failingBroker } from '../../test-support/failing-broker.js';
import { replaceMethod } from '../../test-support/replaced-method.js';
import { openMemoryQueue } from '../../test-support/test-queue.js';
import { FakeLeadership } from '../../test-support/fake-leadership.js';
import { Forwarder } from './forwarder.js';

function openForwarded({ over = (broker: Broker): Broker => broker, isLeader = true } = {}) {
  const q = openMemoryQueue();
  const recorded = recordCalls(over(q.broker));
  const leadership = new FakeLeadership(isLeader ? [q.name] : []);
  const deps = { clock: q.clock, logger: silentLogger, random: () => 0.5 };
  const forwarder = new Forwarder(recorded.broker, leadership, [q.name], { intervalMs: 5_000 }, deps);
  const schedule = (id: string, delayMs: number): Promise<unknown> =>
    q.broker.enqueue([{ message: q.message(id), processAtMs: q.clock.nowMs() + delayMs }]);
  const nextUp = async (): Promise<readonly string[]> => (await q.dump()).nextUp;
  return { q, clock: q.clock, counts: recorded.counts, leadership, forwarder, schedule, nextUp };
}

describe('Forwarder', () => {
  it('moves a task at its millisecond, not before', async () => {
    const { clock, forwarder, schedule, nextUp } = openForwarded();
    await schedule('a', 1_234);
    forwarder.start();

    await clock.advance(1_233);
    const early = await nextUp();
    await clock.advance(1);

    expect(early).toEqual([]);
    expect(await nextUp()).toEqual(['a']);
  });

  it('is notified of a task that is due before all others', async () => {
    const { clock, forwarder, schedule, nextUp } = openForwarded();
    await schedule('late', 60_000);
    forwarder.start();
    await clock.advance(100);

    await schedule('soon', 50);
    await clock.advance(50);

    expect(await nextUp()).toEqual(['soon']);
  });

  it.each([-30_000, -3_600_000, 8 * 3_600_000])('continues when the clock is set by %i ms', async (byMs) => {
    const { clock, counts, forwarder, schedule, nextUp } = openForwarded();
    await schedule('before', 60_000);
    forwarder.start();
    await clock.advance('1s');

    clock.set(clock.nowMs() + byMs);
    await schedule('a', 1_000);
    await clock.advance(999);
    const early = await nextUp();
    await clock.advance('5s'); // no nudge for a task that is not the next one due: the next check finds it
    const inTime = await nextUp();
    await clock.advance('54s');

    expect([early.includes('a'), inTime.includes('a')]).toEqual([false, true]);
    expect(counts()['forwardDue']).toBeLessThan(20); // every 5 s, not again and again
  });

  it('finds a task that Go scheduled, without a nudge, within its interval', async () => {
    const deaf = (broker: Broker): Broker => replaceMethod(broker, 'onNudge', async () => async () => undefined);
    const { clock, forwarder, schedule, nextUp } = openForwarded({ over: deaf });
    forwarder.start();
    await clock.advance(1_000);

    await schedule('a', 10);
    await clock.advance(4_000);

    expect(await nextUp()).toEqual(['a']);
  });

  it('checks once per interval while nothing is due', async () => {
    const { clock, counts, forwarder, schedule } = openForwarded();
    await schedule('a', 3_600_000);
    forwarder.start();

    await clock.advance(60_000);

    expect(counts()).toEqual({ onNudge: 1, forwardDue: 13 });
  });

  it('moves many due tasks in batches of 100, at once', async () => {
    const { q, clock, counts, forwarder, nextUp } = openForwarded();
    const ids = Array.from({ length: 250 }, (_, index) => `task-${index}`);
    await q.broker.enqueue(ids.map((id) => ({ message: q.message(id), processAtMs: clock.nowMs() + 1_000 })));
    forwarder.start();

    await clock.advance(1_000);

    expect(await nextUp()).toHaveLength(250);
    expect(counts()['forwardDue']).toBeLessThanOrEqual(5);
  });

  it('does nothing while another server leads, and starts when this one is elected', async () => {
    const { q, clock, counts, leadership, forwarder, schedule, nextUp } = openForwarded({ isLeader: false });
    await schedule('a', 1_000);
    forwarder.start();
    await clock.advance(8_000);
    const callsBefore = counts();

    leadership.elect(q.name);
    await clock.advance(0);

    expect(callsBefore).toEqual({});
    expect(await nextUp()).toEqual(['a']);
  });

  it('receives no nudges after it has lost the lead', async () => {
    const { q, clock, counts, leadership, forwarder, schedule } = openForwarded();
    forwarder.start();
    await clock.advance(1_000);

    leadership.depose(q.name);
    await clock.advance(5_000);
    const looksBefore = counts()['forwardDue'];
    await schedule('a', 100);
    await clock.advance(1_000);

    expect(counts()['forwardDue']).toBe(looksBefore);
  });

  it('does not spin on a due task that cannot be moved', async () => {
    const stuck: ForwardReply = { moved: 0, nextDueAtMs: 0 };
    const over = (broker: Broker): Broker => replaceMethod(broker, 'forwardDue', async () => stuck);
    const { clock, counts, forwarder } = openForwarded({ over });
    forwarder.start();

    await clock.advance(1_000);

    expect(counts()['forwardDue']).toBe(11);
  });

  it('checks again at once when a task became due during the call', async () => {
    const over = (broker: Broker): Broker =>
      replaceMethod(broker, 'forwardDue', async (queue, limit) => {
        const reply = await broker.forwardDue(queue, limit);
        await sleep(clock, 5);
        return reply;
      });
    const { clock, forwarder, schedule, nextUp } = openForwarded({ over });
    await schedule('a', 3);
    forwarder.start();

    await clock.advance(10);

    expect(await nextUp()).toEqual(['a']);
  });

  it('continues after a failure', async () => {
    const over = (broker: Broker): Broker => {
      const failing = failingBroker(broker);
      failing.failNext('onNudge');
      failing.failNext('forwardDue', { times: 2 });
      return failing;
    };
    const { clock, forwarder, schedule, nextUp } = openForwarded({ over });
    await schedule('a', 1_000);
    forwarder.start();

    await clock.advance(1_000);

    expect(await nextUp()).toEqual(['a']);
  });

  it('ends its subscription at stop', async () => {
    const { clock, counts, forwarder, schedule } = openForwarded();
    forwarder.start();
    await clock.advance(0);

    await forwarder.stop();
    await schedule('a', 100);
    await clock.advance(1_000);

    expect(counts()['forwardDue']).toBe(1);
  });
});
