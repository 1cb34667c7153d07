/** How the delay between two attempts of a task grows. */
type BackoffKind = 'fixed' | 'exponential';

/** The backoff of one task, as the field `backoff` of its hash holds it. */
export interface BackoffRecord {
  readonly kind: BackoffKind;
  /** The delay, or the first of growing ones. */
  readonly delayMs: number;
  /** The longest delay. */
  readonly maxMs: number;
  /** Up to what share of the delay is left out at random, 0 to 1. */
  readonly jitter: number;
}

/** `exponential 1000 60000 0.5`: kind, delay and longest delay in ms, jitter. */
export const encodeBackoff = ({ kind, delayMs, maxMs, jitter }: BackoffRecord): string =>
  `${kind} ${delayMs} ${maxMs} ${jitter}`;

/** `undefined` for a record that cannot be read: an optional field must not make the task unreadable. */
export function decodeBackoff(record: string | undefined): BackoffRecord | undefined {
  const [kind, ...numbers] = record?.split(' ') ?? [];
  const [delayMs, maxMs, jitter] = numbers.map(Number);
  if ((kind !== 'fixed' && kind !== 'exponential') || numbers.length !== 3) return undefined;
  const isFine = isAtLeast0(delayMs) && isAtLeast0(maxMs) && isAtLeast0(jitter) && jitter <= 1;
  return isFine ? { kind, delayMs, maxMs, jitter } : undefined;
}

const isAtLeast0 = (number: number | undefined): number is number =>
  number !== undefined && Number.isFinite(number) && number >= 0;
