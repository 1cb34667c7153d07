/** A set that can be waited for to be empty. */
export class WaitedSet<Item> implements Iterable<Item> {
  private readonly items = new Set<Item>();
  private waiting: (() => void)[] = [];

  get size(): number {
    return this.items.size;
  }

  [Symbol.iterator](): Iterator<Item> {
    return this.items[Symbol.iterator]();
  }

  add(item: Item): void {
    this.items.add(item);
  }

  delete(item: Item): void {
    this.items.delete(item);
    if (this.items.size > 0 || this.waiting.length === 0) return;
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  async whenEmpty(): Promise<void> {
    if (this.items.size > 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
}
