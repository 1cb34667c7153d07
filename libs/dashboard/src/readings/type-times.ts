import type { TaskEvent } from '@nestjs-asynq/core';
import type { Quantiles, TypeTimes } from '../api/charts.js';

/** Types that are told apart; more of them share {@link OTHER}. A program may put an id into the type. */
const MOST_TYPES = 200;
const OTHER = 'other';

/** Windows of ten minutes that make up the last hour. */
const WINDOW_MS = 600_000;
const WINDOWS = 6;

/** Tasks whose enqueueing was seen, and which have not begun. */
const MOST_WAITING = 10_000;

/** Each bucket is a quarter longer than the one before, from 0.1 ms to more than an hour. */
const GROWTH = 1.25;
const SHORTEST_MS = 0.1;
const BUCKETS = 80;

/** Durations, by their logarithm: quantiles are at most an eighth off. */
class Durations {
  private readonly buckets = new Uint32Array(BUCKETS);
  private longestMs = 0;
  count = 0;

  add(ms: number): void {
    const bucket = ms <= SHORTEST_MS ? 0 : Math.ceil(Math.log(ms / SHORTEST_MS) / Math.log(GROWTH));
    this.buckets[Math.min(bucket, BUCKETS - 1)]! += 1;
    this.longestMs = Math.max(this.longestMs, ms);
    this.count += 1;
  }

  /** `undefined`: there are none. */
  static quantiles(all: readonly Durations[]): Quantiles | undefined {
    const count = all.reduce((sum, durations) => sum + durations.count, 0);
    if (count === 0) return undefined;
    const max = Math.max(...all.map(({ longestMs }) => longestMs));
    const at = (share: number): number => {
      let left = Math.ceil(count * share);
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        left -= all.reduce((sum, { buckets }) => sum + buckets[bucket]!, 0);
        if (left <= 0) return Math.min(max, (SHORTEST_MS * GROWTH ** bucket * (1 + 1 / GROWTH)) / 2);
      }
      return max;
    };
    return { p50: at(0.5), p95: at(0.95), max };
  }
}

class Window {
  readonly run = new Durations();
  readonly wait = new Durations();
  failures = 0;

  constructor(readonly number: number) {}
}

/** The windows of one type in one queue. */
interface Kept {
  readonly type: string;
  readonly queue: string;
  readonly windows: Window[];
}

/** Run and wait times of the tasks of this process over the last hour, by type and queue. */
export class TypeTimesKeeper {
  private readonly kept = new Map<string, Kept>();
  /** When each of these tasks could begin. */
  private readonly waiting = new Map<string, number>();

  readonly note = (event: TaskEvent): void => {
    switch (event.kind) {
      case 'enqueued':
      case 'retried':
        this.remember(keyOf(event), event.nextProcessAt.getTime());
        break;
      case 'started': {
        const key = keyOf(event);
        const sinceMs = this.waiting.get(key);
        this.waiting.delete(key);
        if (sinceMs !== undefined) this.window(event).wait.add(Math.max(0, event.at.getTime() - sinceMs));
        break;
      }
      case 'succeeded':
        this.window(event).run.add(event.durationMs);
        break;
      case 'failed': {
        const window = this.window(event);
        window.run.add(event.durationMs);
        window.failures += 1;
        break;
      }
      default:
    }
  };

  /** Busiest first. */
  read(nowMs: number, sees: (queue: string) => boolean): TypeTimes[] {
    const oldest = Math.floor(nowMs / WINDOW_MS) - WINDOWS + 1;
    return [...this.kept.values()]
      .filter(({ queue }) => sees(queue))
      .flatMap(({ type, queue, windows }) => {
        const recent = windows.filter(({ number }) => number >= oldest);
        const run = Durations.quantiles(recent.map((window) => window.run));
        if (!run) return [];
        const wait = Durations.quantiles(recent.map((window) => window.wait));
        const runs = recent.reduce((sum, window) => sum + window.run.count, 0);
        const failures = recent.reduce((sum, window) => sum + window.failures, 0);
        return [{ type, queue, runs, failures, run, wait }];
      })
      .toSorted((a, b) => b.runs - a.runs);
  }

  private window(event: TaskEvent): Window {
    const kept = this.keptFor(event);
    const number = Math.floor(event.at.getTime() / WINDOW_MS);
    let window = kept.windows.at(-1);
    if (!window || window.number < number) {
      window = new Window(number);
      kept.windows.push(window);
      if (kept.windows.length > WINDOWS) kept.windows.shift();
    }
    return window;
  }

  private keptFor({ type, queue }: TaskEvent): Kept {
    const own = `${queue}\n${type}`;
    const found = this.kept.get(own);
    if (found) return found;
    const isFull = this.kept.size >= MOST_TYPES;
    const key = isFull ? `${queue}\n` : own;
    const kept = this.kept.get(key) ?? { type: isFull ? OTHER : type, queue, windows: [] };
    // The rests of many queues are one more each; beyond that they are dropped.
    if (this.kept.size < 2 * MOST_TYPES) this.kept.set(key, kept);
    return kept;
  }

  private remember(key: string, atMs: number): void {
    if (this.waiting.size >= MOST_WAITING) this.waiting.delete(this.waiting.keys().next().value!);
    this.waiting.set(key, atMs);
  }
}

const keyOf = ({ queue, id }: TaskEvent): string => `${queue}\n${id}`;
