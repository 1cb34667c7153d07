import { type ScoredId, SortedSet } from './sorted-set.js';

/**
 * A list of distinct ids, like a Redis list. Unlike there, any id can be found and removed without a walk: each is
 * indexed by the number of its place.
 */
export class IdList implements Iterable<string> {
  private readonly places = new SortedSet();
  private leftmost = 0;
  private rightmost = 0;

  get size(): number {
    return this.places.size;
  }

  has(id: string): boolean {
    return this.places.has(id);
  }

  pushLeft(id: string): void {
    this.places.set(id, --this.leftmost);
  }

  pushRight(id: string): void {
    this.places.set(id, ++this.rightmost);
  }

  /** The number of its place, which grows to the right; `undefined` when the id is not in the list. */
  place(id: string): number | undefined {
    return this.places.score(id);
  }

  /** The rightmost id. */
  right(): string | undefined {
    return this.places.last()?.id;
  }

  delete(id: string): boolean {
    return this.places.delete(id);
  }

  /** Up to `limit` ids from the given index on, counted from the left; a copy. */
  slice(index: number, limit: number): string[] {
    return this.places.slice(index, limit);
  }

  /** Up to `limit` ids right of the place, each with its place; `undefined`: from the left end on. */
  after(place: ScoredId | undefined, limit: number): ScoredId[] {
    return this.places.after(place, limit);
  }

  /** From left to right. */
  *[Symbol.iterator](): Iterator<string> {
    for (const { id } of this.places) yield id;
  }
}
