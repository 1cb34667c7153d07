import { ceilS, fromS } from './unix-time.js';

/**
 * The exact time, if it is the one the score was made from. A Go server writes a score of its own and leaves our
 * field behind: then the score is right.
 */
export function exactDueAtMs(scoreS: number, field: string | null): number {
  const exactMs = field === null ? Number.NaN : Number(field);
  return ceilS(exactMs) === scoreS ? exactMs : fromS(scoreS);
}
