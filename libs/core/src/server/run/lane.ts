import { Backoff } from '../../runtime/backoff.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** How long a fetch keeps its slots free: a multiple of what fetches of the queue usually take, within these bounds. */
const PATIENCE_FACTOR = 4;
const SHORTEST_PATIENCE_MS = 50;
const LONGEST_PATIENCE_MS = 2_000;
/** Expected time of the first fetch, which may have to connect. */
const FIRST_GUESS_MS = 60;

/** The processor's state of one queue. One fetch is under way at a time. */
export class Lane {
  /** Slots drawn for the next fetch. */
  drawn = 0;
  /** Slots kept free for the fetch under way. */
  reserved = 0;
  isFetching = false;
  /** Resolves when the fetch under way has ended, or takes too long to be awaited. */
  fetched: Promise<void> = Promise.resolve();
  waitNoLonger: () => void = () => undefined;
  /** The fetch under way takes long, or the last one failed: the next asks for one task, and no slot is kept free for it. */
  isSick = false;
  /** Nothing was left after the last fetch, and no signal has come since. */
  isEmpty = false;
  isPaused = false;
  /** A signal came since the fetch under way was sent: its reply may be out of date. */
  isSignaled = false;
  /** A signal came, and idle servers have not been woken yet for the tasks that are left. */
  isWoken = true;
  /** Tasks of the last fetch that were left at the head of the queue, for servers that know their types. */
  offered = 0;
  /** Time of the last fetch, by the monotonic clock. */
  askedAtMs = -Infinity;
  /** Time of the next fetch allowed, by the monotonic clock. */
  restsUntilMs = -Infinity;
  private readonly backoff = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  /** Moving average of how long its fetches take. */
  private usualMs = FIRST_GUESS_MS;

  constructor(readonly queue: string) {}

  /** How long the fetch under way may take before its slots are needed elsewhere. */
  get patienceMs(): number {
    return Math.min(Math.max(PATIENCE_FACTOR * this.usualMs, SHORTEST_PATIENCE_MS), LONGEST_PATIENCE_MS);
  }

  isResting(nowMs: number): boolean {
    return nowMs < this.restsUntilMs;
  }

  /** A fetch was answered. */
  noteAnswer(tookMs: number): void {
    this.usualMs = Math.max(tookMs, this.usualMs + (tookMs - this.usualMs) / 8);
    this.isSick = false;
    this.backoff.reset();
  }

  /** A fetch failed: returns for how long the queue rests. */
  noteFailure(nowMs: number): number {
    this.isSick = true;
    const pauseMs = this.backoff.nextMs();
    this.restsUntilMs = nowMs + pauseMs;
    return pauseMs;
  }

  /** Its slots are needed elsewhere. */
  release(): void {
    this.drawn = 0;
    this.reserved = 0;
  }
}
