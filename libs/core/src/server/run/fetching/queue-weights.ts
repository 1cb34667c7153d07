/** Minimum number of slots per partition when a share is larger: fetching several tasks costs little more than one. */
const FEWEST = 16;

/** A queue as users name it. */
interface WeightedQueue {
  readonly queue: string;
  readonly weight: number;
  /** The ordinary queues that it consists of: the one with its own name, and its partitions. */
  readonly names: string[];
  /** Its place among the queues by weight, the highest first. */
  readonly rank: number;
  /** Index of the ordinary queue whose turn it is. */
  turn: number;
}

/**
 * Shares free slots out among queues.
 *
 * By weight: each slot draws its own queue, so a queue of weight 6 beside 3 and 1 gets six of ten slots in the long
 * run, even if few slots are free at a time. Strict: the queue with the highest weight gets all. The slots of a
 * partitioned queue go to its partitions in turn.
 */
export class QueueWeights {
  private readonly entries: readonly WeightedQueue[];
  /** By the name of an ordinary queue. */
  private readonly entryOf = new Map<string, WeightedQueue>();

  /**
   * @param queues queue name to weight, whole numbers above 0
   * @param isStrict serve a queue only while all queues of higher weight are empty
   * @param random from 0 up to 1; replaced in tests
   */
  constructor(
    queues: Readonly<Record<string, number>>,
    readonly isStrict: boolean,
    private readonly random: () => number = Math.random,
  ) {
    this.entries = Object.entries(queues)
      .toSorted(([, a], [, b]) => b - a)
      .map(([queue, weight], rank) => ({ queue, weight, names: [queue], rank, turn: 0 }));
    for (const entry of this.entries) this.entryOf.set(entry.queue, entry);
  }

  /** Adds ordinary queues that belong to one of the queues. */
  addPartitions(queue: string, names: readonly string[]): void {
    const entry = this.entryOf.get(queue);
    if (!entry) return;
    entry.names.push(...names);
    for (const name of names) this.entryOf.set(name, entry);
  }

  /** All ordinary queues, most important first; the own names of partitioned queues, which get few tasks, are last. */
  get queues(): readonly string[] {
    const own = this.entries.filter(({ names }) => names.length > 1).map(({ queue }) => queue);
    const others = this.entries.flatMap(({ names }) => (names.length > 1 ? names.slice(1) : names));
    return [...others, ...own];
  }

  /** Whether an ordinary queue has a higher weight than another. */
  isBetter(queue: string, other: string): boolean {
    return this.entryOf.get(queue)!.weight > this.entryOf.get(other)!.weight;
  }

  /** How many of `slots` each of the ordinary queues gets that are served now. */
  share(slots: number, served: readonly string[]): Map<string, number> {
    if (served.length === 1) return new Map([[served[0]!, slots]]);
    const shares = new Map<string, number>();
    const namesOf = new Map<WeightedQueue, string[]>();
    for (const name of served) {
      const entry = this.entryOf.get(name)!;
      const names = namesOf.get(entry);
      if (names) names.push(name);
      else namesOf.set(entry, [name]);
    }
    if (namesOf.size === 0) return shares;
    const entries = [...namesOf.keys()].sort((a, b) => a.rank - b.rank);
    const drawn = new Map<WeightedQueue, number>();
    if (this.isStrict || entries.length === 1) drawn.set(entries[0]!, slots);
    else {
      const total = entries.reduce((sum, { weight }) => sum + weight, 0);
      for (let slot = 0; slot < slots; slot++) {
        const entry = entries[this.draw(entries, total)]!;
        drawn.set(entry, (drawn.get(entry) ?? 0) + 1);
      }
    }
    for (const [entry, count] of drawn) spread(entry, count, namesOf.get(entry)!, shares);
    return shares;
  }

  /** Index of an entry, by weight. */
  private draw(entries: readonly WeightedQueue[], total: number): number {
    let ticket = this.random() * total;
    const index = entries.findIndex(({ weight }) => (ticket -= weight) < 0);
    return index < 0 ? entries.length - 1 : index; // rounding may leave a ticket of exactly 0 at the end
  }
}

function spread(entry: WeightedQueue, slots: number, served: readonly string[], shares: Map<string, number>): void {
  if (entry.names.length === 1) return void shares.set(entry.queue, slots);
  const names = served.toSorted((a, b) => entry.names.indexOf(a) - entry.names.indexOf(b));
  const count = Math.min(names.length, Math.ceil(slots / FEWEST));
  for (let nth = 0; nth < count; nth++) {
    shares.set(names[(entry.turn + nth) % names.length]!, Math.floor((slots + nth) / count));
  }
  entry.turn = (entry.turn + count) % names.length;
}
