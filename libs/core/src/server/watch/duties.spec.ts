import { describe, expect, it } from 'vitest';
import { openMemoryBroker } from '../../broker/memory/memory-broker.js';
import type { Broker } from '../../broker/contract/broker.js';
import type { Duty } from '../../broker/contract/wake.js';
import { silentLogger } from '../../runtime/logger.js';
import { failingBroker } from '../../test-support/failing-broker.js';
import { SteppingClock } from '../../test-support/stepping-clock.js';
import { Duties, dutyLeaseMs } from './duties.js';
import { WorkDemand } from './work-demand.js';

function openFleet(random = 0.5, leaseMs = 30_000) {
  const clock = new SteppingClock();
  const broker = openMemoryBroker({ clock });
  const addServer = (serverId: string, over: Broker = broker) => {
    const demand = new WorkDemand(clock, () => duties.offerAll());
    const gained: Duty[] = [];
    const options = {
      serverId,
      leaseMs: dutyLeaseMs(leaseMs),
      onGained: (_queue: string, duty: Duty) => void gained.push(duty),
    };
    const duties: Duties = new Duties(over, demand, options, { clock, logger: silentLogger, random: () => random });
    duties.add('q');
    const duty = {
      start: () => duties.start(),
      stop: () => duties.stop(),
      isLeader: () => duties.isLeader('q'),
      settleRole: () => duties.of('q').settleRole(),
      tryLead: () => duties.of('q').tryLead(),
    };
    return { duty, demand, gained };
  };
  return { clock, broker, addServer };
}

/** Kills a server: it makes no further calls. */
function killable(broker: Broker) {
  const failing = failingBroker(broker);
  const kill = (): void => {
    for (const method of ['takeDuty', 'keepDuty', 'dropDuty', 'wakeIdle'] as const) {
      failing.failNext(method, { times: Number.POSITIVE_INFINITY });
    }
  };
  return { broker: failing, kill };
}

describe('Duties', () => {
  it('leads at once when it is alone, and keeps the lead', async () => {
    const { clock, addServer } = openFleet();
    const { duty, gained } = addServer('a');

    duty.start();
    await clock.advance(0);
    const ledAtOnce = duty.isLeader();
    await clock.advance('1m');

    expect(ledAtOnce).toBe(true);
    expect(duty.isLeader()).toBe(true);
    expect(gained).toEqual(['leader']);
  });

  it.each([-30_000, -3_600_000, 8 * 3_600_000])('keeps one leader when the clock is set by %i ms', async (byMs) => {
    const { clock, addServer } = openFleet();
    const [a, b] = [addServer('a'), addServer('b')];
    for (const { duty } of [a, b]) duty.start();
    await clock.advance('10s');

    clock.set(clock.nowMs() + byMs);
    const leaders: boolean[][] = [];
    for (let second = 0; second < 20; second++) {
      leaders.push([a.duty.isLeader(), b.duty.isLeader()]);
      await clock.advance('1s');
    }

    expect(leaders).toEqual(Array.from({ length: 20 }, () => [true, false]));
    expect(b.gained).toEqual(['standby']);
  });

  it('has a leader again in 9 s when the leader is killed after the clock was set back', async () => {
    const { clock, broker, addServer } = openFleet();
    const doomed = killable(broker);
    const [a, b] = [addServer('a', doomed.broker), addServer('b')];
    for (const { duty } of [a, b]) duty.start();
    await clock.advance('10s');

    clock.set(clock.nowMs() - 3_600_000);
    doomed.kill();
    await clock.advance('9s');

    expect([a.duty.isLeader(), b.duty.isLeader()]).toEqual([false, true]);
  });

  it('makes one leader and one standby of three servers', async () => {
    const { clock, addServer } = openFleet();
    const servers = ['a', 'b', 'c'].map((id) => addServer(id));

    for (const { duty } of servers) duty.start();
    await clock.advance('1m');
    const roles = await Promise.all(servers.map(({ duty }) => duty.settleRole()));

    expect(roles).toEqual(['leader', 'standby', 'follower']);
  });

  it('puts the standby in place of a leader that was killed, and a follower in place of the standby', async () => {
    const { clock, broker, addServer } = openFleet();
    const doomed = killable(broker);
    const [a, b, c] = [addServer('a', doomed.broker), addServer('b'), addServer('c')];
    for (const { duty } of [a, b, c]) {
      duty.start();
      await clock.advance('1s');
    }

    doomed.kill();
    await clock.advance('7s');

    expect(a.duty.isLeader()).toBe(false);
    expect(b.duty.isLeader()).toBe(true);
    await clock.advance('5s');
    expect(await c.duty.settleRole()).toBe('standby');
  });

  it.each([
    ['the leader was', ['a'], 9_000],
    ['the leader and the standby were', ['a', 'b'], 12_000],
  ])('has a leader again in time, whenever %s killed', async (_, killed, latestMs) => {
    const waitedMs: number[] = [];
    for (let apartMs = 0; apartMs < 6_000; apartMs += 250) {
      const { clock, broker, addServer } = openFleet(1); // followers ask at their longest interval
      const doomed = killable(broker);
      const servers = ['a', 'b', 'c'].map((id) => addServer(id, killed.includes(id) ? doomed.broker : broker));
      for (const { duty } of servers) {
        duty.start();
        await clock.advance(apartMs);
      }
      await clock.advance(60_000 - 3 * apartMs);
      const startMs = clock.nowMs();

      doomed.kill(); // right after the leader has renewed its lease
      const living = servers.slice(killed.length);
      while (!living.some(({ duty }) => duty.isLeader())) await clock.advance(250);
      waitedMs.push(clock.nowMs() - startMs);
      for (const { duty } of servers) await duty.stop();
    }

    expect(Math.max(...waitedMs)).toBeLessThanOrEqual(latestMs);
    expect(Math.max(...waitedMs)).toBeGreaterThan(latestMs - 3_000); // the documented bound is not too pessimistic
  });

  it.each([
    [1_000, 3_000],
    [5_000, 3_750],
    [30_000, 9_000],
  ])('replaces a killed leader in time for leases of %i ms', async (leaseMs, latestMs) => {
    const { clock, broker, addServer } = openFleet(0.5, leaseMs);
    const doomed = killable(broker);
    const [a, b] = [addServer('a', doomed.broker), addServer('b')];
    for (const { duty } of [a, b]) {
      duty.start();
      await clock.advance(100);
    }
    await clock.advance('1m');

    doomed.kill();
    await clock.advance(latestMs);

    expect([a.duty.isLeader(), b.duty.isLeader()]).toEqual([false, true]);
  });

  it('lets a follower lead within 10 s when leader and standby were killed', async () => {
    const { clock, broker, addServer } = openFleet();
    const doomed = killable(broker);
    const servers = [addServer('a', doomed.broker), addServer('b', doomed.broker), addServer('c')];
    for (const { duty } of servers) duty.start();
    await clock.advance('1m');

    doomed.kill();
    await clock.advance('10s');

    expect(servers[2]!.duty.isLeader()).toBe(true);
  });

  it('does not consider itself the leader longer than its lease when Redis is unavailable, and leads again later', async () => {
    const { clock, broker, addServer } = openFleet();
    const failing = failingBroker(broker);
    const { duty, gained } = addServer('a', failing);
    duty.start();
    await clock.advance(0);

    failing.failNext('keepDuty', { times: 6 });
    await clock.advance('6s');
    const ledWhileAway = duty.isLeader();
    await clock.advance('10s');

    expect(ledWhileAway).toBe(false);
    expect(duty.isLeader()).toBe(true);
    expect(gained).toEqual(['leader', 'leader']);
  });

  it('hands the lead to a server woken by a token, when it has been full for a while', async () => {
    const { clock, broker, addServer } = openFleet();
    const [full, standby, idle] = [addServer('full'), addServer('standby'), addServer('idle')];
    for (const { duty } of [full, standby, idle]) duty.start();
    await clock.advance('1s');
    const watch = (await broker.openWatch('q'))!;
    const woken = watch.awaitToken(60_000).then(() => idle.duty.tryLead());

    full.demand.setFree(false);
    await clock.advance('3s');
    await woken;

    expect(idle.duty.isLeader()).toBe(true);
    expect(full.duty.isLeader()).toBe(false);
  });

  it('takes the lead back at its next renewal when no server took it, and does not offer it again for 10 s', async () => {
    const { clock, addServer } = openFleet();
    const { duty, demand, gained } = addServer('a');
    duty.start();
    await clock.advance('100ms');
    demand.setFree(false);

    await clock.advance('2s');
    const ledAfterOffer = duty.isLeader();
    await clock.advance('2s');
    const ledAfterRenewal = duty.isLeader();
    await clock.advance('6s');

    expect(ledAfterOffer).toBe(false);
    expect(ledAfterRenewal).toBe(true);
    expect(gained).toEqual(['leader', 'leader']);
    expect(duty.isLeader()).toBe(true);
  });

  it('keeps the lead while slots become free occasionally', async () => {
    const { clock, addServer } = openFleet();
    const { duty, demand, gained } = addServer('a');
    duty.start();

    for (let i = 0; i < 40; i++) {
      demand.setFree(false);
      await clock.advance('900ms');
      demand.setFree(true);
      await clock.advance('10ms');
    }

    expect(gained).toEqual(['leader']);
  });

  it('gives up standby when it is full, so that an idle server can stand by', async () => {
    const { clock, addServer } = openFleet();
    const [a, b, c] = [addServer('a'), addServer('b'), addServer('c')];
    for (const { duty } of [a, b, c]) duty.start();
    await clock.advance('1s');

    b.demand.setFree(false);
    await clock.advance('10s');

    expect(await b.duty.settleRole()).toBe('follower');
    expect(await c.duty.settleRole()).toBe('standby');
  });

  it('has a leader among servers whose slots are all taken', async () => {
    const { clock, broker, addServer } = openFleet();
    const doomed = killable(broker);
    const [a, b] = [addServer('a', doomed.broker), addServer('b')];
    for (const { duty, demand } of [a, b]) {
      duty.start();
      demand.setFree(false);
      await clock.advance('5s');
    }

    doomed.kill();
    await clock.advance('12s');

    expect(b.duty.isLeader()).toBe(true);
  });

  it('drops its duty and wakes another server at stop', async () => {
    const { clock, broker, addServer } = openFleet();
    const { duty } = addServer('a');
    duty.start();
    await clock.advance(0);

    await duty.stop();

    expect(await broker.takeDuty('q', 'leader', 'b', 5_000)).toBe(true);
    const watch = (await broker.openWatch('q'))!;
    expect(await watch.awaitToken(1)).toBe(true);
  });

  it('stops even if Redis is unavailable', async () => {
    const { clock, broker, addServer } = openFleet();
    const doomed = killable(broker);
    const { duty } = addServer('a', doomed.broker);
    duty.start();
    await clock.advance(0);
    doomed.kill();

    await duty.stop();

    expect(duty.isLeader()).toBe(false);
  });
});
