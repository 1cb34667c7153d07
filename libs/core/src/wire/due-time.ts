import { ceilS, fromS } from './unix-time.js';

/**
 * The exact time, if it matches the score. A Go server writes a new score and does not update our field: then the score
 * is valid.
 */
export function exactDueAtMs(scoreS: number, field: string | null): number {
  const exactMs = field === null ? Number.NaN : Number(field);
  return ceilS(exactMs) === scoreS ? exactMs : fromS(scoreS);
}
