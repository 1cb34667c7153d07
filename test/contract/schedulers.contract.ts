import { Scheduler, silentLogger } from '@nestjs-asynq/core';
import type { Broker } from '@nestjs-asynq/core/internal';
import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { isThorough } from './thorough.js';

const SCHEDULERS = 5;
const EVERY_MS = 30_000;

/** As when a process is killed: its pending call may still arrive, but it gets no reply. */
class Mortal {
  readonly broker: Broker;
  private death: 'beforeCall' | 'afterCall' | undefined;

  constructor(broker: Broker) {
    this.broker = new Proxy(broker, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => this.call(() => Reflect.apply(member, target, args));
      },
    });
  }

  kill(death: 'beforeCall' | 'afterCall'): void {
    this.death = death;
  }

  private async call(act: () => unknown): Promise<unknown> {
    const { death } = this;
    if (death === 'afterCall') {
      this.death = 'beforeCall';
      await act();
    }
    if (death) return new Promise(() => undefined);
    return act();
  }
}

interface Process {
  readonly scheduler: Scheduler;
  readonly mortal: Mortal;
}

async function startProcess(q: TestQueue): Promise<Process> {
  const mortal = new Mortal(q.connection);
  const scheduler = new Scheduler({ connection: mortal.broker, logger: silentLogger, defaults: { queue: q.name } });
  scheduler.register(`@every ${EVERY_MS / 1000}s`, 'report:build', undefined, { name: 'report', catchUp: 'all' });
  await scheduler.start();
  return { scheduler, mortal };
}

/** Pseudo-random numbers, the same in every run. */
function* randomNumbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    yield state / 2 ** 31;
  }
}

/** Waits for the replies of Redis, which no fake clock drives. */
async function untilClaimed(q: TestQueue, tickMs: number): Promise<void> {
  for (;;) {
    const [schedule] = await q.broker.schedules(q.name);
    if (schedule && schedule.claimedMs >= tickMs) return;
    await q.clock.advance(1);
  }
}

/** The contract of any number of schedulers, on every broker. */
export function describeSchedulers(backend: string, openQueue: () => TestQueue): void {
  describe(`schedulers on ${backend}`, () => {
    const ticks = isThorough(backend) ? 100 : 30;
    it(`enqueue ${ticks} ticks exactly ${ticks} times, five of them, while they are killed and replaced`, async () => {
      await using q = openQueue();
      const random = randomNumbers(7);
      const next = (): number => random.next().value;
      const processes = await Promise.all(Array.from({ length: SCHEDULERS }, () => startProcess(q)));
      await untilClaimed(q, 0);
      const [schedule] = await q.broker.schedules(q.name);
      const startMs = Math.floor(schedule!.sinceMs / 1000) * 1000;

      let kills = 0;
      for (let tick = 1; tick <= ticks; tick++) {
        const tickMs = startMs + tick * EVERY_MS;
        const victim = Math.floor(next() * SCHEDULERS * 2);
        if (processes[victim]) {
          processes[victim].mortal.kill(next() < 0.5 ? 'beforeCall' : 'afterCall');
          kills++;
        }
        await q.clock.advance(tickMs - q.clock.nowMs());
        await untilClaimed(q, tickMs);
        if (processes[victim]) processes[victim] = await startProcess(q);
      }
      await Promise.all(processes.map(({ scheduler }) => scheduler.shutdown()));

      expect(kills).toBeGreaterThan(ticks / 3);
      expect((await q.dump()).nextUp).toHaveLength(ticks);
    });
  });
}
