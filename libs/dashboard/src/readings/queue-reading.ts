import type { QueueInfo } from '@nestjs-asynq/core';
import { ratesOf, Ring } from './ring.js';

const FIGURES = ['processed', 'failed', 'pending', 'active', 'latencyMs', 'archived'] as const;
export type KeptFigure = (typeof FIGURES)[number];

/** Fine figures of the last hour, and coarse ones of the last day. */
export const FINE = { stepMs: 10_000, slots: 360 } as const;
export const COARSE = { stepMs: 60_000, slots: 1_440 } as const;

/** Over how many fine steps the present rates are taken. */
const RATE_STEPS = 6;
const FAILING_STEPS = 60;
const SPARK_POINTS = 60;

/** The history of one queue in the memory of this process. */
export class QueueHistory {
  readonly fine = new Ring(FIGURES, FINE.stepMs, FINE.slots);
  readonly coarse = new Ring(FIGURES, COARSE.stepMs, COARSE.slots);

  keep(info: QueueInfo, atMs: number): void {
    const { processedTotal: processed, failedTotal: failed, pending, active, latencyMs, archived } = info;
    const figures = { processed, failed, pending, active, latencyMs, archived };
    this.fine.put(atMs, figures);
    this.coarse.put(atMs, figures);
  }

  /** Attempts per second over the last hour, a point for each minute. */
  spark(nowMs: number): (number | null)[] {
    return ratesOf(this.coarse.read('processed', nowMs, SPARK_POINTS + 1), COARSE.stepMs).slice(1);
  }

  /** How many tasks were archived in the last hour, more than left the archive. */
  archivedLately(nowMs: number): number {
    const counts = this.coarse.read('archived', nowMs, SPARK_POINTS).filter((count) => count !== null);
    return counts.length < 2 ? 0 : Math.max(0, counts.at(-1)! - Math.min(...counts));
  }

  /** Attempts that ended in the last minutes; `undefined` before two readings. */
  attemptsLately(nowMs: number): { readonly processed: number; readonly failed: number } | undefined {
    return growth(this.fine, nowMs, FAILING_STEPS);
  }

  /** Attempts per second; `undefined` before two readings. */
  rates(nowMs: number): { readonly processedPerS: number; readonly failedPerS: number } | undefined {
    const grown = growth(this.fine, nowMs, RATE_STEPS) ?? growth(this.fine, nowMs, FINE.slots);
    if (!grown) return undefined;
    const seconds = grown.elapsedMs / 1000;
    return { processedPerS: grown.processed / seconds, failedPerS: grown.failed / seconds };
  }
}

/** Both totals are read at the same times. */
function growth(ring: Ring<KeptFigure>, nowMs: number, steps: number): Growth | undefined {
  const processed = ring.growth('processed', nowMs, steps + 1);
  const failed = ring.growth('failed', nowMs, steps + 1);
  return processed && failed && { processed: processed.by, failed: failed.by, elapsedMs: processed.elapsedMs };
}

interface Growth {
  readonly processed: number;
  readonly failed: number;
  readonly elapsedMs: number;
}

/** The last figures of a queue. */
export interface QueueReading {
  readonly info: QueueInfo;
  readonly atMs: number;
  /** Why the last attempt to read it failed; the figures are older. */
  readonly error: string | undefined;
}
