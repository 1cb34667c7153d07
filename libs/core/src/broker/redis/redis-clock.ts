import type { Cluster, Redis } from 'ioredis';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { type Clock, monotonicMs, systemClock, type TimerHandle } from '../../runtime/clock.js';
import type { RedisClient } from './redis-connection.js';
import type { RedisLink } from './redis-link.js';

/** How often Redis is asked for its time, at the next call of the broker. */
const MEASURE_EVERY_MS = 60_000;
/** When the machine's clock and its monotonic one drift apart by more, one was set, or the machine has slept. */
const LARGEST_DRIFT_MS = 250;
/** As exact as one answer has to be; else more are asked for, and the fastest counts. */
const GOOD_UNCERTAINTY_MS = 5;
const MOST_SAMPLES = 5;
/** A node that does not answer in time is not asked again before the next measurement. */
const TIME_TIMEOUT_MS = 1_000;

/** What Redis said of its time. */
export interface TimeSample {
  /** Redis' unix time less the monotonic reading of this machine, ms. */
  readonly offsetMs: number;
  /** By how much it may be wrong: half of the round trip, which a busy event loop makes longer. */
  readonly uncertaintyMs: number;
}

/**
 * The time of Redis: this machine's monotonic clock, and an offset that is measured again and again. So all processes on a
 * Redis agree, whatever their machines' clocks say, and nobody sets it under our feet. Until the first measurement, and
 * where `TIME` is forbidden, it is the clock of this machine.
 */
export class RedisClock implements Clock {
  private sample: TimeSample | undefined;

  constructor(private readonly machine: Clock = systemClock) {}

  nowMs(): number {
    return this.sample ? Math.floor(this.monotonicMs() + leastOffsetMs(this.sample)) : this.machine.nowMs();
  }

  nowNs(): bigint {
    if (!this.sample) return this.machine.nowNs();
    const nowMs = this.monotonicMs() + leastOffsetMs(this.sample);
    return BigInt(Math.floor(nowMs)) * 1_000_000n + BigInt(Math.floor((nowMs % 1) * 1e6));
  }

  monotonicMs(): number {
    return monotonicMs(this.machine);
  }

  setTimer(callback: () => void, delayMs: number): TimerHandle {
    return this.machine.setTimer(callback, delayMs);
  }

  clearTimer(timer: TimerHandle): void {
    this.machine.clearTimer(timer);
  }

  /** Takes a measurement over, unless what is known already fits it: time must not jump for nothing. */
  adopt(sample: TimeSample): void {
    const apartMs = Math.abs(sample.offsetMs - (this.sample?.offsetMs ?? Infinity));
    if (apartMs > sample.uncertaintyMs) this.sample = sample;
  }
}

/** Keeps a {@link RedisClock} right. */
export class ClockSync {
  private isForbidden = false;
  private isMeasured = false;
  private measuring: Promise<void> | undefined;
  private measuredAtMs = -Infinity;
  /** The machine's unix time less its monotonic one at the last measurement. */
  private machineOffsetMs = 0;

  constructor(
    private readonly redis: RedisLink,
    private readonly clock: RedisClock,
    private readonly machine: Clock = systemClock,
  ) {}

  /** Resolves when the clock can be relied on; `undefined` when it can now. Never rejects. */
  whenRight(): Promise<void> | undefined {
    if (this.isForbidden) return undefined;
    const isRight = this.isMeasured && Math.abs(this.offsetNowMs() - this.machineOffsetMs) <= LARGEST_DRIFT_MS;
    if (isRight && this.clock.monotonicMs() - this.measuredAtMs < MEASURE_EVERY_MS) return undefined;
    this.measuring ??= this.measure().finally(() => (this.measuring = undefined));
    return isRight ? undefined : this.measuring;
  }

  private async measure(): Promise<void> {
    const offsetMs = this.offsetNowMs();
    const startedAtMs = this.clock.monotonicMs();
    try {
      this.clock.adopt(await measureTime(this.redis, this.machine));
      this.isMeasured = true;
      this.machineOffsetMs = offsetMs;
    } catch (error) {
      if (error instanceof RedisCommandError && error.isTransient) return; // the next call tries again
      this.isForbidden = true;
      this.redis.logger.warn("Redis does not tell its time; due times and leases go by this machine's clock", {
        error,
      });
    } finally {
      if (this.isMeasured) this.measuredAtMs = startedAtMs;
    }
  }

  private offsetNowMs(): number {
    return this.machine.nowMs() - this.clock.monotonicMs();
  }
}

/**
 * Asks Redis for its time, as often as it takes to be sure of it.
 * @throws {RedisCommandError} there was no answer at all
 */
export async function measureTime(redis: RedisLink, machine: Clock = systemClock): Promise<TimeSample> {
  let best: TimeSample | undefined;
  for (let samples = 0; samples < MOST_SAMPLES; samples++) {
    const sample = await redis.command('TIME', (client) => askTime(client, machine));
    if (!best || sample.uncertaintyMs < best.uncertaintyMs) best = sample;
    if (best.uncertaintyMs <= GOOD_UNCERTAINTY_MS) break;
  }
  return best!;
}

/** Of a cluster the master that answers first: one that is silent must hold up nobody. */
async function askTime(client: RedisClient, machine: Clock): Promise<TimeSample> {
  const nodes = client.isCluster ? (client as Cluster).nodes('master') : [client];
  const askedAtMs = monotonicMs(machine);
  const [seconds, micros] = (await firstAnswer((nodes as Redis[]).map((node) => node.time()))).map(Number);
  const answeredAtMs = monotonicMs(machine);
  const uncertaintyMs = (answeredAtMs - askedAtMs) / 2;
  return { offsetMs: seconds! * 1000 + micros! / 1000 - askedAtMs - uncertaintyMs, uncertaintyMs };
}

async function firstAnswer<T>(answers: readonly Promise<T>[]): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('TIME timed out')), TIME_TIMEOUT_MS);
  });
  const first = Promise.any(answers).catch((error: AggregateError) => {
    throw error.errors[0] as Error;
  });
  try {
    return await Promise.race([first, silence]);
  } finally {
    clearTimeout(timer);
    first.catch(() => undefined);
  }
}

/** No answer can have come from earlier: a clock that goes by it is never ahead of Redis, and starts nothing early. */
const leastOffsetMs = ({ offsetMs, uncertaintyMs }: TimeSample): number => offsetMs - uncertaintyMs;
