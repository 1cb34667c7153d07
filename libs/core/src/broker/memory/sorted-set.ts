/** Maximum number of entries in a chunk; a full one is halved. Small enough that moving a chunk's tail is cheap. */
const CHUNK_SIZE = 512;

export interface ScoredId {
  readonly id: string;
  readonly score: number;
}

/**
 * Ids in the order of their scores, equal scores in the order of their bytes, as in a Redis sorted set. Kept as a list
 * of short sorted lists: finding a place is a binary search, and an insertion moves one chunk at most.
 */
export class SortedSet implements Iterable<ScoredId> {
  private readonly scores = new Map<string, number>();
  /** None is empty; each ends before the next begins. */
  private readonly chunks: ScoredId[][] = [];

  get size(): number {
    return this.scores.size;
  }

  has(id: string): boolean {
    return this.scores.has(id);
  }

  score(id: string): number | undefined {
    return this.scores.get(id);
  }

  /** Adds the id, or moves it to its new score. */
  set(id: string, score: number): void {
    this.delete(id);
    this.scores.set(id, score);
    const entry = { id, score };
    const at = this.chunkFor(entry);
    const chunk = this.chunks[at];
    if (!chunk) {
      this.chunks.push([entry]);
      return;
    }
    const place = this.placeIn(chunk, entry);
    if (place === chunk.length) chunk.push(entry);
    else if (place === 0) chunk.unshift(entry);
    else chunk.splice(place, 0, entry);
    if (chunk.length > CHUNK_SIZE) this.chunks.splice(at + 1, 0, chunk.splice(CHUNK_SIZE / 2));
  }

  /** `false` when it was not there. */
  delete(id: string): boolean {
    const score = this.scores.get(id);
    if (score === undefined) return false;
    this.scores.delete(id);
    const entry = { id, score };
    const at = this.chunkFor(entry);
    const chunk = this.chunks[at]!;
    const place = this.placeIn(chunk, entry);
    if (place === 0) chunk.shift();
    else chunk.splice(place, 1);
    if (chunk.length === 0) this.chunks.splice(at, 1);
    return true;
  }

  /** The entry of the lowest score. */
  first(): ScoredId | undefined {
    return this.chunks[0]?.[0];
  }

  /** The entry of the highest score. */
  last(): ScoredId | undefined {
    return this.chunks.at(-1)?.at(-1);
  }

  /** Up to `limit` ids of at most `maxScore`, lowest first: a copy, so that the caller may change the set. */
  upTo(maxScore: number, limit: number): string[] {
    const ids: string[] = [];
    for (const chunk of this.chunks) {
      for (const { id, score } of chunk) {
        if (score > maxScore || ids.length >= limit) return ids;
        ids.push(id);
      }
    }
    return ids;
  }

  /** How many entries have a lower score. */
  countBelow(score: number): number {
    const at = firstIndex(this.chunks.length, (index) => this.chunks[index]!.at(-1)!.score >= score);
    const inChunk = this.chunks[at] ?? [];
    let count = firstIndex(inChunk.length, (index) => inChunk[index]!.score >= score);
    for (const chunk of this.chunks.slice(0, at)) count += chunk.length;
    return count;
  }

  /** Up to `limit` ids from the given rank on; a copy. */
  slice(rank: number, limit: number): string[] {
    const ids: string[] = [];
    let skipped = 0;
    for (const chunk of this.chunks) {
      if (ids.length >= limit) break;
      const from = Math.max(rank - skipped, 0);
      skipped += chunk.length;
      for (const { id } of chunk.slice(from, from + limit - ids.length)) ids.push(id);
    }
    return ids;
  }

  /** Up to `limit` entries behind the position, whether or not an entry is there; `undefined`: the first ones. */
  after(place: ScoredId | undefined, limit: number): ScoredId[] {
    const entries: ScoredId[] = [];
    const isBehind = (entry: ScoredId): boolean => !place || this.compare(entry, place) > 0;
    const first = firstIndex(this.chunks.length, (at) => isBehind(this.chunks[at]!.at(-1)!));
    for (let at = first; at < this.chunks.length && entries.length < limit; at++) {
      const chunk = this.chunks[at]!;
      const from = at === first ? firstIndex(chunk.length, (index) => isBehind(chunk[index]!)) : 0;
      entries.push(...chunk.slice(from, from + limit - entries.length));
    }
    return entries;
  }

  *[Symbol.iterator](): Iterator<ScoredId> {
    for (const chunk of this.chunks) yield* chunk;
  }

  /** Index of the first chunk that does not end before the entry, or of the last one when all do. */
  private chunkFor(entry: ScoredId): number {
    const last = this.chunks.length - 1;
    return last <= 0 ? 0 : firstIndex(last, (at) => this.compare(this.chunks[at]!.at(-1)!, entry) >= 0);
  }

  /** Index of the first entry of a chunk that is not before the entry. Most come first or last. */
  private placeIn(chunk: readonly ScoredId[], entry: ScoredId): number {
    if (this.compare(chunk[0]!, entry) >= 0) return 0;
    if (this.compare(chunk.at(-1)!, entry) < 0) return chunk.length;
    return firstIndex(chunk.length, (at) => this.compare(chunk[at]!, entry) >= 0);
  }

  private compare(a: ScoredId, b: ScoredId): number {
    if (a.score !== b.score) return a.score - b.score;
    return a.id === b.id ? 0 : compareBytes(a.id, b.id);
  }
}

/** The first index below `length` for which `holds` is true (it must stay true after that), else `length`. */
function firstIndex(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The order of the UTF-8 bytes, which is the order of code points. */
function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const difference = codePointRank(a.charCodeAt(at)) - codePointRank(b.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Halves of a surrogate pair encode the highest code points, but their numbers are below U+E000. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
