import { Backoff } from '../../../runtime/backoff.js';
import type { LeasedTask } from '../../../broker/contract/lease.js';
import type { LeaseHandle } from '../../leases/lease-handle.js';
import type { RunLimit } from '../running/run-limits.js';
import type { PassedTasks } from './passed-tasks.js';
import { ReadAhead } from './read-ahead.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/**
 * How long a fetch reserves its slots: a multiple of the usual duration of fetches of the queue, within these bounds.
 */
const PATIENCE_FACTOR = 4;
const SHORTEST_PATIENCE_MS = 50;
const LONGEST_PATIENCE_MS = 2_000;
/** Expected duration of the first fetch, which may have to connect. */
const FIRST_GUESS_MS = 60;

/** A task that is leased and has not begun. */
export interface HeldTask {
  readonly task: LeasedTask;
  readonly lease: LeaseHandle;
  /** When it returns to its queue, by the monotonic clock. */
  readonly returnAtMs: number;
}

/** A fetch that has not been answered. */
export class PendingFetch {
  /** Resolves when it has ended, or takes too long to be awaited. */
  readonly awaited: Promise<void>;
  isAwaited = true;
  private resolve!: () => void;

  constructor(
    /** Most tasks that it may bring. */
    readonly limit: number,
    /** Slots that wait for them. */
    public reserved: number,
    /** How many tasks to hold it asks for. */
    readonly ahead: number,
    readonly askedAtMs: number,
  ) {
    this.awaited = new Promise((resolve) => (this.resolve = resolve));
  }

  waitNoLonger(): void {
    this.isAwaited = false;
    this.resolve();
  }
}

/** The processor's state of one queue. */
export class Lane {
  /** Slots drawn for the next fetch. */
  drawn = 0;
  readonly fetches = new Set<PendingFetch>();
  /** A pending fetch is slow, or the last one failed: the next asks for one task and reserves no slot. */
  isSick = false;
  /** Nothing was left after the last fetch, and there has been no signal since. */
  isEmpty = false;
  isPaused = false;
  /** A signal arrived, or tasks returned, after the last fetch was sent: its reply may be outdated. */
  isSignaled = false;
  /** A signal arrived, and idle servers have not been woken yet for the remaining tasks. */
  isWoken = true;
  /** Tasks at the head that are left to servers which know their types: the last fetch passed over them, or brought them. */
  offered = 0;
  /** Time of the last fetch, by the monotonic clock. */
  askedAtMs = -Infinity;
  /** Time of the last answer to a fetch, or of the start, by the monotonic clock. */
  answeredAtMs = -Infinity;
  /** Time of the last failure of a fetch, by the monotonic clock. */
  failedAtMs = -Infinity;
  /** Time of the next fetch allowed, by the monotonic clock. */
  restsUntilMs = -Infinity;
  /** Tasks read ahead, the next to begin first. */
  held: HeldTask[] = [];
  readonly readAhead: ReadAhead;
  /** Tasks on their way back to the head of the queue, which the next fetch must find there. */
  returning = 0;
  /** How many tasks to hold. */
  mostHeld = 0;
  /** Tasks that were left in the queue at the last answer. */
  remaining = 0;
  /** Tasks that are left in the queue until their handlers have room; absent while there has been none. */
  passed: PassedTasks | undefined;
  private readonly backoff = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  /** Moving average of the duration of its fetches. */
  private usualMs = FIRST_GUESS_MS;

  constructor(
    readonly queue: string,
    readAheadMs: number,
    /** That of the queue, which its partitions share. */
    readonly limit?: RunLimit,
  ) {
    this.readAhead = new ReadAhead(readAheadMs);
  }

  get isFetching(): boolean {
    return this.fetches.size > 0;
  }

  /** Slots reserved for pending fetches. */
  get reserved(): number {
    let sum = 0;
    for (const { reserved } of this.fetches) sum += reserved;
    return sum;
  }

  /** Most tasks that pending fetches may bring. */
  get asked(): number {
    let sum = 0;
    for (const { limit } of this.fetches) sum += limit;
    return sum;
  }

  /** How many tasks to hold are on their way. */
  get askedAhead(): number {
    let sum = 0;
    for (const { ahead } of this.fetches) sum += ahead;
    return sum;
  }

  get hasPassed(): boolean {
    return this.passed !== undefined && this.passed.size > 0;
  }

  /** There is nothing to fetch, to wait for or to begin. */
  get isIdle(): boolean {
    return this.isEmpty && !this.isFetching && this.held.length === 0;
  }

  /** How long a fetch may take before it loses its slots. */
  get patienceMs(): number {
    return Math.min(Math.max(PATIENCE_FACTOR * this.usualMs, SHORTEST_PATIENCE_MS), LONGEST_PATIENCE_MS);
  }

  isResting(nowMs: number): boolean {
    return nowMs < this.restsUntilMs;
  }

  /** A stop or a pause does not wait for its fetches. */
  waitNoLonger(): void {
    for (const fetch of this.fetches) fetch.waitNoLonger();
  }

  /** Tasks return to the queue: of that, replies of fetches under way know nothing. */
  noteReturn(): void {
    this.isEmpty = false;
    this.isSignaled = true;
  }

  /** A fetch was answered. */
  noteAnswer(tookMs: number): void {
    this.usualMs = Math.max(tookMs, this.usualMs + (tookMs - this.usualMs) / 8);
    this.isSick = false;
    this.backoff.reset();
  }

  /** A fetch failed: returns how long the queue pauses. */
  noteFailure(nowMs: number): number {
    this.isSick = true;
    this.failedAtMs = nowMs;
    const pauseMs = this.backoff.nextMs();
    this.restsUntilMs = nowMs + pauseMs;
    return pauseMs;
  }

  /** Other queues get its slots. */
  release(): void {
    this.drawn = 0;
    for (const fetch of this.fetches) fetch.reserved = 0;
  }
}
