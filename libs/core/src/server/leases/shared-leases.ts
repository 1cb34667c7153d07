import { fromS } from '../../wire/unix-time.js';

/** Words of one lease: score known to lie in Redis, score that may lie there too, ended (1) or not. */
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
 * no other score is sent before it is known which.
 */
export class SharedLease {
  /** @param at where its words begin */
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

/**
 * The score that the next beat will write, announced one beat ahead. Without it, a settlement on its way to Redis could
 * be overtaken by an extension that began after its claim was made, and be refused as another server's.
 */
export class NextExpiry {
  private readonly words: Uint32Array;

  constructor(readonly buffer = new SharedArrayBuffer(Uint32Array.BYTES_PER_ELEMENT)) {
    this.words = new Uint32Array(buffer);
  }

  /** Unix s; 0 before the first beat. */
  get expiresAtS(): number {
    return Atomics.load(this.words, 0);
  }

  announce(expiresAtS: number): void {
    Atomics.store(this.words, 0, expiresAtS);
  }
}

/**
 * Every score that Redis may hold now or until the next beat is over: proof of ownership for a claim made now.
 * The reads go against the order of the heartbeat's writes (pending, confirmed, announcement), so none falls between.
 * No beat extends a lease that is over: by now the announced score may be what another server's fetch has written.
 */
export function possibleExpiriesS(
  lease: Pick<SharedLease, 'confirmedS' | 'pendingS'>,
  next: Pick<NextExpiry, 'expiresAtS'>,
  nowMs: number,
): number[] {
  const announcedS = next.expiresAtS;
  const pendingS = lease.pendingS;
  const confirmedS = lease.confirmedS;
  const isOver = nowMs >= fromS(confirmedS);
  const upcomingS = pendingS || (isOver ? 0 : announcedS); // a pending score is sent again until its outcome is known
  return upcomingS > confirmedS ? [confirmedS, upcomingS] : [confirmedS];
}
