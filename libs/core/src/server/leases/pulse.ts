import { fromS } from '../../wire/unix-time.js';
import type { LeaseRecord } from './lease-record.js';

/** Words of a pulse: the next score, unix s; whether nobody watches the held tasks (1). */
const ANNOUNCED = 0;
const UNWATCHED = 1;
const WORDS = 2;
/** Its times, unix ms: when the last beat was, and since when beats have been on time. */
const LAST_BEAT = 0;
const STEADY_SINCE = 1;
const TIMES = 2;
const TIMES_AT = WORDS * Uint32Array.BYTES_PER_ELEMENT;

/**
 * The state of the heartbeat, in memory that it shares with the main thread.
 *
 * The score that the next beat will write, announced one beat ahead: otherwise a settlement could be overtaken on its
 * way to Redis by an extension that began after its claim was made, and be refused as if another server had the lease.
 *
 * Whether beats are on time. If not, the process was frozen or the machine slept: expired leases may then still
 * belong to this server, and those of other servers to them.
 *
 * And whether the heartbeat's thread must be woken to watch held tasks.
 */
export class Pulse {
  private readonly words: Uint32Array;
  private readonly times: BigInt64Array;

  /** @param longestPauseMs between two beats that are on time */
  constructor(
    private readonly longestPauseMs: number,
    readonly buffer = new SharedArrayBuffer(TIMES_AT + TIMES * BigInt64Array.BYTES_PER_ELEMENT),
  ) {
    this.words = new Uint32Array(buffer, 0, WORDS);
    this.times = new BigInt64Array(buffer, TIMES_AT);
  }

  /** Unix s; 0 before the first beat. */
  get expiresAtS(): number {
    return Atomics.load(this.words, ANNOUNCED);
  }

  announce(expiresAtS: number): void {
    Atomics.store(this.words, ANNOUNCED, expiresAtS);
  }

  /** The thread stops to watch held tasks. It looks once more after this: one may have been added before. */
  restWatch(): void {
    Atomics.store(this.words, UNWATCHED, 1);
  }

  /** After a held task was added. `true`: the thread must be woken, by this caller only. */
  resumeWatch(): boolean {
    return Atomics.exchange(this.words, UNWATCHED, 0) === 1;
  }

  /** A beat begins. A late beat counts from its end: only then is it known which leases are still ours. */
  begin(nowMs: number): void {
    if (this.isBeating(nowMs)) this.note(nowMs);
  }

  /** A beat has ended, successfully or not. */
  note(nowMs: number): void {
    const isSetBack = nowMs < this.load(LAST_BEAT);
    if (isSetBack || !this.isBeating(nowMs)) this.store(STEADY_SINCE, nowMs);
    this.store(LAST_BEAT, nowMs);
  }

  /** Whether the last beat is recent enough; `true` before the first one. */
  isBeating(nowMs: number): boolean {
    const lastBeatMs = this.load(LAST_BEAT);
    return lastBeatMs === 0 || nowMs - lastBeatMs <= this.longestPauseMs;
  }

  /**
   * Whether beats have been on time long enough for other servers, frozen together with this one, to have extended
   * their leases.
   */
  isSteady(nowMs: number): boolean {
    const sinceMs = this.load(STEADY_SINCE);
    return this.isBeating(nowMs) && (sinceMs === 0 || nowMs - sinceMs >= this.longestPauseMs);
  }

  private load(time: number): number {
    return Number(Atomics.load(this.times, time));
  }

  private store(time: number, value: number): void {
    Atomics.store(this.times, time, BigInt(Math.floor(value)));
  }
}

/**
 * All scores that Redis may hold from now until the end of the next beat: the proof of ownership for a claim made now.
 * The reads are in the reverse order of the heartbeat's writes (pending, confirmed, announcement), so no score is missed.
 * For an expired lease the announced score proves nothing: another server's fetch may have written the same score by now.
 */
export function possibleExpiriesS(
  lease: Pick<LeaseRecord, 'confirmedS' | 'pendingS'>,
  pulse: Pick<Pulse, 'expiresAtS'>,
  nowMs: number,
): number[] {
  const announcedS = pulse.expiresAtS;
  const pendingS = lease.pendingS;
  const confirmedS = lease.confirmedS;
  const isOver = nowMs >= fromS(confirmedS);
  const upcomingS = pendingS || (isOver ? 0 : announcedS); // a pending score is sent again until its outcome is known
  const mayLieThere = pendingS > 0 ? pendingS !== confirmedS : upcomingS > confirmedS;
  return mayLieThere ? [confirmedS, upcomingS] : [confirmedS];
}
