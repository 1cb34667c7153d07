import type { RunLimit } from '../running/run-limits.js';

/**
 * Tasks of one queue whose handlers run as many as they may. They were fetched once, returned to the head of their queue, and are
 * left in their places by further fetches, until their handler has room: then the next fetch brings as many as it has room for.
 */
export class PassedTasks {
  /** By task id, the oldest first. */
  private readonly limitOf = new Map<string, RunLimit>();
  private readonly counts = new Map<RunLimit, number>();
  /** How many tasks the next fetch is to bring. */
  toFetch = 0;
  /** The same by limit. */
  private released = new Map<RunLimit, number>();
  /** The same of the fetch under way. */
  private asked = new Map<RunLimit, number>();
  /** On their way back to the queue. */
  returning = 0;
  /** When the fetch under way was sent, all of them were in the queue, as far as this server knows. */
  wereBack = false;

  get size(): number {
    return this.limitOf.size;
  }

  /** Those to be left in their places. */
  get ids(): string[] {
    return [...this.limitOf.keys()];
  }

  get limits(): Iterable<RunLimit> {
    return this.counts.keys();
  }

  add(id: string, limit: RunLimit): void {
    if (this.limitOf.has(id)) return;
    this.limitOf.set(id, limit);
    this.counts.set(limit, (this.counts.get(limit) ?? 0) + 1);
  }

  count(limit: RunLimit): number {
    return this.counts.get(limit) ?? 0;
  }

  /** How many tasks of a limit a fetch is to bring, or is bringing, for which it has room. */
  expected(limit: RunLimit): number {
    return (this.released.get(limit) ?? 0) + (this.asked.get(limit) ?? 0);
  }

  /** Leaves the oldest tasks of a limit to the next fetch; returns how many. */
  release(limit: RunLimit, most: number): number {
    const count = Math.min(most, this.count(limit));
    let left = count;
    for (const [id, own] of this.limitOf) {
      if (left === 0) break;
      if (own !== limit) continue;
      this.limitOf.delete(id);
      left -= 1;
    }
    this.note(limit, -count);
    this.toFetch += count;
    if (count > 0) this.released.set(limit, (this.released.get(limit) ?? 0) + count);
    return count;
  }

  noteAsked(): void {
    this.wereBack = this.returning === 0;
    this.asked = this.released;
    this.released = new Map();
    this.toFetch = 0;
  }

  /** The fetch has been answered, or has failed: what it has not brought is gone, or is released again. */
  noteAnswered(): void {
    this.asked = new Map();
  }

  /** Other programs have taken them: those that are still there are found again. */
  forget(): void {
    this.limitOf.clear();
    this.counts.clear();
  }

  private note(limit: RunLimit, change: number): void {
    const count = this.count(limit) + change;
    if (count > 0) this.counts.set(limit, count);
    else this.counts.delete(limit);
  }
}
