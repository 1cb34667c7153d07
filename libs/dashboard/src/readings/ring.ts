/**
 * The last figures of something, one slot for each step of time; older ones are overwritten. A slot holds the last
 * values that were put into it, or `NaN`.
 */
export class Ring<Figure extends string> {
  private readonly values: Readonly<Record<Figure, Float64Array>>;
  /** Number of the newest slot since 1970; -1 before the first value. */
  private newest = -1;

  constructor(
    figures: readonly Figure[],
    readonly stepMs: number,
    readonly slots: number,
  ) {
    const entries = figures.map((figure) => [figure, new Float64Array(slots).fill(Number.NaN)] as const);
    this.values = Object.fromEntries(entries) as Record<Figure, Float64Array>;
  }

  put(atMs: number, figures: Readonly<Record<Figure, number>>): void {
    const slot = Math.floor(atMs / this.stepMs);
    if (slot <= this.newest - this.slots) return; // the clock was set back by more than the ring holds
    const from = this.newest < 0 ? slot : Math.max(this.newest + 1, slot - this.slots + 1);
    for (let empty = from; empty < slot; empty++) this.clear(empty);
    this.newest = Math.max(this.newest, slot);
    for (const figure of Object.keys(this.values) as Figure[]) this.values[figure][slot % this.slots] = figures[figure];
  }

  /** The values of `count` slots up to that of `atMs`, oldest first; `null`: none. */
  read(figure: Figure, atMs: number, count: number): (number | null)[] {
    const last = Math.floor(atMs / this.stepMs);
    return Array.from({ length: count }, (_, i) => {
      const value = this.at(figure, last - count + 1 + i);
      return Number.isNaN(value) ? null : value;
    });
  }

  /**
   * How much a total grew between the oldest and the newest of the `count` values up to that of `atMs`, at least 0;
   * `undefined` before two values.
   */
  growth(figure: Figure, atMs: number, count: number): { readonly by: number; readonly elapsedMs: number } | undefined {
    let last = Math.floor(atMs / this.stepMs);
    let first = last - count + 1;
    while (first < last && Number.isNaN(this.at(figure, first))) first += 1;
    while (first < last && Number.isNaN(this.at(figure, last))) last -= 1;
    if (first === last) return undefined;
    const by = Math.max(0, this.at(figure, last) - this.at(figure, first));
    return { by, elapsedMs: (last - first) * this.stepMs };
  }

  /** `NaN`: none. */
  private at(figure: Figure, slot: number): number {
    const isKept = slot <= this.newest && slot > this.newest - this.slots && slot >= 0;
    return isKept ? this.values[figure][slot % this.slots]! : Number.NaN;
  }

  private clear(slot: number): void {
    for (const values of Object.values<Float64Array>(this.values)) values[slot % this.slots] = Number.NaN;
  }
}

/** Per second, from totals that grow. A total that shrinks was reset: that step is unknown. */
export function ratesOf(totals: readonly (number | null)[], stepMs: number): (number | null)[] {
  let before: { readonly at: number; readonly total: number } | undefined;
  return totals.map((total, at) => {
    if (total === null) return null;
    const last = before;
    before = { at, total };
    if (last === undefined || total < last.total) return null;
    return (total - last.total) / (((at - last.at) * stepMs) / 1000);
  });
}
