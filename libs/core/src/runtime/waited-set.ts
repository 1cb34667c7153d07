/** What a {@link WaitedSet} holds, each item in one of them at most. */
export interface WaitedItem {
  /** In its list; `undefined`: it is in no set. Written by the set alone. */
  place: number | undefined;
}

/**
 * A set that can be waited for to be empty. It keeps a list, because a `Set` allocates a table anew for every few items that come
 * and go. Items are in no order.
 */
export class WaitedSet<Item extends WaitedItem> implements Iterable<Item> {
  private readonly items: Item[] = [];
  private waiting: (() => void)[] = [];

  get size(): number {
    return this.items.length;
  }

  /** Those that are in it now, whatever happens to them meanwhile. */
  [Symbol.iterator](): Iterator<Item> {
    return [...this.items][Symbol.iterator]();
  }

  /** Of an item that is in no set. */
  add(item: Item): void {
    item.place = this.items.length;
    this.items.push(item);
  }

  delete(item: Item): void {
    const { place } = item;
    if (place === undefined) return;
    const last = this.items.pop()!;
    if (last !== item) {
      this.items[place] = last;
      last.place = place;
    }
    item.place = undefined;
    if (this.items.length > 0 || this.waiting.length === 0) return;
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  async whenEmpty(): Promise<void> {
    if (this.items.length > 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
}
