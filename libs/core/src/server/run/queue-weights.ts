/**
 * Shares free slots out among queues.
 *
 * By weight: each slot draws a queue of its own, so a queue of weight 6 beside 3 and 1 gets six of ten slots in the long
 * run, even if few slots are free at a time. Strict: the queue of highest weight gets all.
 */
export class QueueWeights {
  private readonly entries: readonly (readonly [queue: string, weight: number])[];

  /**
   * @param queues queue name to weight, whole numbers above 0
   * @param isStrict serve a queue only when all of higher weight are empty
   * @param random from 0 up to 1; replaced in tests
   */
  constructor(
    queues: Readonly<Record<string, number>>,
    readonly isStrict: boolean,
    private readonly random: () => number = Math.random,
  ) {
    this.entries = Object.entries(queues).toSorted(([, a], [, b]) => b - a);
  }

  get queues(): readonly string[] {
    return this.entries.map(([queue]) => queue);
  }

  /** How many of `slots` each queue gets. Only queues with `isServed` take part. */
  share(slots: number, isServed: (queue: string) => boolean): Map<string, number> {
    const served = this.entries.filter(([queue]) => isServed(queue));
    const shares = new Map<string, number>();
    const top = served[0];
    if (!top) return shares;
    if (this.isStrict || served.length === 1) return shares.set(top[0], slots);
    for (let slot = 0; slot < slots; slot++) {
      const queue = served[this.draw(served)]![0];
      shares.set(queue, (shares.get(queue) ?? 0) + 1);
    }
    return shares;
  }

  /** Index of an entry, by weight. */
  private draw(entries: readonly (readonly [queue: string, weight: number])[]): number {
    const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
    let ticket = this.random() * total;
    const index = entries.findIndex(([, weight]) => (ticket -= weight) < 0);
    return index < 0 ? entries.length - 1 : index; // rounding may leave a ticket of exactly 0 at the end
  }
}
