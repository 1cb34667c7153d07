import { RedisCommandError } from '../../errors/redis-command.error.js';
import { type Clock, monotonicMs, systemClock, type TimerHandle } from '../../runtime/clock.js';
import { startPatience } from '../../runtime/patience.js';
import { mastersOf } from './nodes.js';
import type { RedisClient } from './redis-connection.js';
import { isConnectionRefusal } from './redis-failure.js';
import type { RedisLink } from './redis-link.js';

/** How often Redis is asked for its time, at the next call of the broker. */
const MEASURE_EVERY_MS = 60_000;
/** When the machine's clock and its monotonic one drift apart by more, the clock was set or the machine has slept. */
const LARGEST_DRIFT_MS = 250;
/** An answer with a greater uncertainty is not enough: then several are taken, and the fastest is used. */
const GOOD_UNCERTAINTY_MS = 5;
const MOST_SAMPLES = 5;
/** A node that does not answer in time is not asked again before the next measurement. */
const TIME_TIMEOUT_MS = 1_000;

/** A measurement of Redis' time. */
interface TimeSample {
  /** Redis' unix time minus the monotonic clock of this machine, ms. */
  readonly offsetMs: number;
  /** Maximum error: half of the round trip, which a busy event loop prolongs. */
  readonly uncertaintyMs: number;
}

/**
 * The time of Redis: this machine's monotonic clock plus an offset, which is measured regularly. So all processes on a
 * Redis agree, whatever the clocks of their machines show and even when these are set. Until the first measurement, and
 * when `TIME` is forbidden, it is the clock of this machine.
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

  /** Applies a measurement, unless the current offset agrees with it: time should not jump without need. */
  adopt(sample: TimeSample): void {
    const apartMs = Math.abs(sample.offsetMs - (this.sample?.offsetMs ?? Infinity));
    if (apartMs > sample.uncertaintyMs) this.sample = sample;
  }
}

/** Keeps a {@link RedisClock} synchronized. */
export class ClockSync {
  private isForbidden = false;
  private isMeasured = false;
  private measuring: Promise<void> | undefined;
  private measuredAtMs = -Infinity;
  /** The machine's unix time minus its monotonic time at the last measurement. */
  private machineOffsetMs = 0;

  constructor(
    private readonly redis: RedisLink,
    private readonly clock: RedisClock,
    private readonly machine: Clock = systemClock,
  ) {}

  /** Resolves when the clock is synchronized; `undefined` when it is already. Never rejects. */
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
      // The next call tries again.
      if (error instanceof RedisCommandError && (error.isTransient || isConnectionRefusal(error.cause))) return;
      this.isForbidden = true;
      this.redis.logRefusal("Redis refuses TIME: using this machine's clock for due times and leases", {
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
 * Asks Redis for its time, repeatedly until the answer is accurate enough.
 * @throws {RedisCommandError} Redis gave no answer
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

/** On a cluster, asks every master and uses the first answer: an unresponsive node must not delay the others. */
async function askTime(client: RedisClient, machine: Clock): Promise<TimeSample> {
  const askedAtMs = monotonicMs(machine);
  const [seconds, micros] = (await firstAnswer(mastersOf(client).map((node) => node.time()))).map(Number);
  const answeredAtMs = monotonicMs(machine);
  const uncertaintyMs = (answeredAtMs - askedAtMs) / 2;
  return { offsetMs: seconds! * 1000 + micros! / 1000 - askedAtMs - uncertaintyMs, uncertaintyMs };
}

async function firstAnswer<T>(answers: readonly Promise<T>[]): Promise<T> {
  let endPatience: () => void = () => undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    endPatience = startPatience(TIME_TIMEOUT_MS, () => reject(new Error('TIME timed out')));
  });
  const first = Promise.any(answers).catch((error: AggregateError) => {
    throw error.errors[0] as Error;
  });
  try {
    return await Promise.race([first, silence]);
  } finally {
    endPatience();
    first.catch(() => undefined);
  }
}

/** The lower bound of the offset: a clock with it is never ahead of Redis, and starts nothing early. */
const leastOffsetMs = ({ offsetMs, uncertaintyMs }: TimeSample): number => offsetMs - uncertaintyMs;
