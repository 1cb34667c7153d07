import { fromS } from '../../wire/unix-time.js';

/** Words of one lease: score known to be in Redis, score that may be there instead, ended (1) or not. */
const CONFIRMED = 0;
const PENDING = 1;
const ENDED = 2;
const WORDS = 3;

/**
 * The lease scores (unix s) of tasks fetched together, in memory that the main thread and the heartbeat share. The
 * heartbeat alone writes scores, the main thread alone ends leases; neither waits for the other.
 */
export class SharedLeases {
  private readonly words: Uint32Array;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.words = new Uint32Array(buffer);
  }

  static of(expiriesS: readonly number[]): SharedLeases {
    const leases = new SharedLeases(new SharedArrayBuffer(expiriesS.length * WORDS * Uint32Array.BYTES_PER_ELEMENT));
    expiriesS.forEach((expiresAtS, index) => (leases.words[index * WORDS + CONFIRMED] = expiresAtS));
    return leases;
  }

  /** The lease of the `index`th task. */
  lease(index: number): SharedLease {
    return new SharedLease(this.words, index * WORDS);
  }
}

/**
 * One lease. While an extension is under way, or its reply was lost, the score in Redis is `confirmedS` or `pendingS`;
 * no other score is sent until that is known.
 */
export class SharedLease {
  /** @param at index of its first word */
  constructor(
    private readonly words: Uint32Array,
    private readonly at: number,
  ) {}

  get confirmedS(): number {
    return Atomics.load(this.words, this.at + CONFIRMED);
  }

  /** 0: none. */
  get pendingS(): number {
    return Atomics.load(this.words, this.at + PENDING);
  }

  get hasEnded(): boolean {
    return Atomics.load(this.words, this.at + ENDED) === 1;
  }

  /** Before an extension is sent. */
  propose(expiresAtS: number): void {
    Atomics.store(this.words, this.at + PENDING, expiresAtS);
  }

  /** After its reply. In this order: a reader looks at `pendingS` first, so one of the two holds the score. */
  confirm(): void {
    Atomics.store(this.words, this.at + CONFIRMED, this.pendingS);
    Atomics.store(this.words, this.at + PENDING, 0);
  }

  end(): void {
    Atomics.store(this.words, this.at + ENDED, 1);
  }
}

/** Words of a pulse: the next score, unix s; when the last beat was, and since when beats come in time, unix ms. */
const ANNOUNCED = 0;
const LAST_BEAT = 1;
const STEADY_SINCE = 2;
const PULSE_WORDS = 3;

/**
 * The state of the heartbeat, in memory that it shares with the main thread.
 *
 * The score that the next beat will write, announced one beat ahead: without it, a settlement on its way to Redis could
 * be overtaken by an extension that began after its claim was made, and be refused as another server's.
 *
 * And whether beats are in time. If not, the process was frozen or the machine slept: then our expired leases may still be
 * ours, and those of other servers theirs.
 */
export class Pulse {
  private readonly words: BigInt64Array;

  /** @param longestPauseMs between two beats that are in time */
  constructor(
    private readonly longestPauseMs: number,
    readonly buffer = new SharedArrayBuffer(PULSE_WORDS * BigInt64Array.BYTES_PER_ELEMENT),
  ) {
    this.words = new BigInt64Array(buffer);
  }

  /** Unix s; 0 before the first beat. */
  get expiresAtS(): number {
    return this.load(ANNOUNCED);
  }

  announce(expiresAtS: number): void {
    this.store(ANNOUNCED, expiresAtS);
  }

  /** A beat begins. A late one counts from its end: only then is it known which leases are still ours. */
  begin(nowMs: number): void {
    if (this.isBeating(nowMs)) this.note(nowMs);
  }

  /** A beat has ended, successful or not. */
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

  /** Whether beats have been in time long enough for other servers, frozen together with this one, to have beaten as well. */
  isSteady(nowMs: number): boolean {
    const sinceMs = this.load(STEADY_SINCE);
    return this.isBeating(nowMs) && (sinceMs === 0 || nowMs - sinceMs >= this.longestPauseMs);
  }

  private load(word: number): number {
    return Number(Atomics.load(this.words, word));
  }

  private store(word: number, value: number): void {
    Atomics.store(this.words, word, BigInt(Math.floor(value)));
  }
}

/**
 * Every score that Redis may hold now or until the next beat is over: proof of ownership for a claim made now.
 * The reads go against the order of the heartbeat's writes (pending, confirmed, announcement), so none falls between.
 * For an expired lease the announcement proves nothing: another server's fetch may have written the same score by now.
 */
export function possibleExpiriesS(
  lease: Pick<SharedLease, 'confirmedS' | 'pendingS'>,
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
