/** Records in a segment of shared memory. */
export const RECORDS_PER_SEGMENT = 1_024;

const RECORD_BYTES = 96;
/** Words of a record: unsigned, 4 bytes each. */
const WORDS = RECORD_BYTES / Uint32Array.BYTES_PER_ELEMENT;
const STATE = 0;
const KEY = 1;
const CONFIRMED = 2;
const PENDING = 3;
const QUEUE = 4;
const ID_LENGTH = 5;
/** Times of a record, after its words: ms by the monotonic clock, which all threads share. */
const TIMES = RECORD_BYTES / Float64Array.BYTES_PER_ELEMENT;
const RETURN_AT = 3;
const ENDS_AT = 4;
/** The id fills the rest, as Latin-1 text. */
const ID = 40;
const LONGEST_ID = RECORD_BYTES - ID;
/** `ID_LENGTH` of an id that does not fit. */
const ELSEWHERE = 0xffff_ffff;

/** States, as bits of a set. */
const FREE = 0;
const HELD = 1;
const RUNNING = 2;
/** Running past its deadline. */
const KEPT = 4;
/** No longer ours: lost, or returned to its queue. */
const GONE = 8;
const IN_HAND = HELD | RUNNING | KEPT;
/** Beside the state: the heartbeat uses the record, which gets no other task before the heartbeat releases it. */
const IN_USE = 16;

/** A segment of shared memory. */
export class LeaseSegment {
  readonly words: Uint32Array;
  readonly times: Float64Array;
  readonly bytes: Uint8Array;

  constructor(readonly buffer = new SharedArrayBuffer(RECORDS_PER_SEGMENT * RECORD_BYTES)) {
    this.words = new Uint32Array(buffer);
    this.times = new Float64Array(buffer);
    this.bytes = new Uint8Array(buffer);
  }
}

/** What the main thread writes when it takes a task. */
export interface RecordContent {
  /** Tells the task from those that had the record before. */
  readonly key: number;
  readonly leaseExpiresAtS: number;
  /** The number of its queue. */
  readonly queue: number;
  readonly id: string;
  /** By the monotonic clock. Absent: the task runs at once. */
  readonly returnAtMs: number | undefined;
  /** By the monotonic clock. */
  readonly endsAtMs: number;
}

/**
 * One task in hand, in memory that the main thread and the heartbeat share; neither waits for the other. The main thread
 * writes the record, begins and ends the task. The heartbeat writes lease scores, and only while it has seized the record.
 * The state changes by compare-and-exchange: so a held task is either begun or returned, and a record that the heartbeat
 * uses gets no other task.
 *
 * While an extension is pending, or its reply was lost, the score in Redis is `confirmedS` or `pendingS`; no other score
 * is sent until that is resolved.
 */
export class LeaseRecord {
  private readonly words: Uint32Array;
  private readonly times: Float64Array;
  private readonly bytes: Uint8Array;
  /** Index of its first word; its first time and byte. */
  private readonly at: number;
  private readonly timesAt: number;
  private readonly idAt: number;

  /** @param slot its number in the table */
  constructor(
    { words, times, bytes }: LeaseSegment,
    readonly slot: number,
  ) {
    const nth = slot % RECORDS_PER_SEGMENT;
    this.words = words;
    this.times = times;
    this.bytes = bytes;
    this.at = nth * WORDS;
    this.timesAt = nth * TIMES;
    this.idAt = nth * RECORD_BYTES + ID;
  }

  /** Unix s; known to be in Redis. */
  get confirmedS(): number {
    return Atomics.load(this.words, this.at + CONFIRMED);
  }

  /** Unix s; may be in Redis instead. 0: none. */
  get pendingS(): number {
    return Atomics.load(this.words, this.at + PENDING);
  }

  // The main thread's side.

  /** Nobody uses it. */
  get isFree(): boolean {
    return Atomics.load(this.words, this.at + STATE) === FREE;
  }

  /** For a free record. `false`: the heartbeat must be told the id. */
  write({ key, leaseExpiresAtS, queue, id, returnAtMs, endsAtMs }: RecordContent): boolean {
    const { words, at } = this;
    const fits = this.writeId(id);
    words[at + KEY] = key;
    words[at + CONFIRMED] = leaseExpiresAtS;
    words[at + PENDING] = 0;
    words[at + QUEUE] = queue;
    words[at + ID_LENGTH] = fits ? id.length : ELSEWHERE;
    this.times[this.timesAt + RETURN_AT] = returnAtMs ?? Infinity;
    this.times[this.timesAt + ENDS_AT] = endsAtMs;
    Atomics.store(words, at + STATE, returnAtMs === undefined ? RUNNING : HELD); // last: it publishes the rest
    return fits;
  }

  /** `false`: the task is gone. */
  begin(endsAtMs: number): boolean {
    this.times[this.timesAt + ENDS_AT] = endsAtMs;
    return this.move(IN_HAND, RUNNING);
  }

  /** The task has not begun after all. It is not returned. */
  hold(): void {
    this.times[this.timesAt + RETURN_AT] = Infinity;
    this.move(RUNNING, HELD);
  }

  keep(): void {
    this.move(RUNNING, KEPT);
  }

  /** The record is free, or will be when the heartbeat has released it. */
  end(): void {
    Atomics.and(this.words, this.at + STATE, IN_USE);
  }

  // The heartbeat's side.

  get isInUse(): boolean {
    return Atomics.load(this.words, this.at + STATE) >= IN_USE;
  }

  /** A task is in hand. Its fields are safe to read only while the record is in use. */
  get isInHand(): boolean {
    return this.isAmong(IN_HAND);
  }

  get isHeld(): boolean {
    return this.isAmong(HELD);
  }

  get key(): number {
    return this.words[this.at + KEY]!;
  }

  get queue(): number {
    return this.words[this.at + QUEUE]!;
  }

  get returnAtMs(): number {
    return this.times[this.timesAt + RETURN_AT]!;
  }

  /** When to stop extending its lease. */
  get endsAtMs(): number {
    return this.isAmong(RUNNING) ? this.times[this.timesAt + ENDS_AT]! : Infinity;
  }

  /** `undefined`: it did not fit. */
  get id(): string | undefined {
    const length = this.words[this.at + ID_LENGTH]!;
    return length === ELSEWHERE
      ? undefined
      : String.fromCharCode(...this.bytes.subarray(this.idAt, this.idAt + length));
  }

  /** `false`: no task is in hand, another than the given one is, or the record is in use. */
  seize(key?: number): boolean {
    const { words, at } = this;
    const state = Atomics.load(words, at + STATE);
    if ((state & IN_HAND) === 0 || state >= IN_USE) return false;
    // Fails when the main thread changes the state at this moment.
    if (Atomics.compareExchange(words, at + STATE, state, state | IN_USE) !== state) return this.seize(key);
    if (key === undefined || key === this.key) return true;
    this.release();
    return false;
  }

  release(): void {
    Atomics.and(this.words, this.at + STATE, ~IN_USE);
  }

  /** The scores that Redis may hold, for the heartbeat's own claims. */
  get scoresS(): number[] {
    const { confirmedS, pendingS } = this;
    return pendingS > 0 ? [confirmedS, pendingS] : [confirmedS];
  }

  /** Before an extension is sent, unless the lease has ended: then the score proves nothing before the reply. */
  propose(expiresAtS: number): void {
    Atomics.store(this.words, this.at + PENDING, expiresAtS);
  }

  /** After its reply. The order matters: readers read `pendingS` first, so one of the two holds the score. */
  confirm(expiresAtS: number): void {
    Atomics.store(this.words, this.at + CONFIRMED, expiresAtS);
    Atomics.store(this.words, this.at + PENDING, 0);
  }

  /** The task is lost. `false`: it has ended. */
  lose(): boolean {
    return this.move(IN_HAND, GONE);
  }

  /** The task is about to be returned to its queue. `false`: it has begun or ended. */
  takeBack(): boolean {
    return this.move(HELD, GONE);
  }

  /** It was not returned. */
  holdAgain(): void {
    this.move(GONE, HELD);
  }

  private isAmong(states: number): boolean {
    return (Atomics.load(this.words, this.at + STATE) & states) !== 0;
  }

  /** `false`: the state is not among `from`. */
  private move(from: number, to: number): boolean {
    const { words, at } = this;
    for (;;) {
      const state = Atomics.load(words, at + STATE);
      if ((state & from) === 0) return false;
      if (Atomics.compareExchange(words, at + STATE, state, to | (state & IN_USE)) === state) return true;
    }
  }

  private writeId(id: string): boolean {
    if (id.length > LONGEST_ID) return false;
    for (let i = 0; i < id.length; i++) {
      const code = id.charCodeAt(i);
      if (code > 0xff) return false;
      this.bytes[this.idAt + i] = code;
    }
    return true;
  }
}
