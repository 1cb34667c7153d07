import type { GroupOps, GroupOrder, GroupTime } from '../../broker/contract/groups.js';
import { fromS } from '../../wire/unix-time.js';

/** Groups in the first page, which is usually enough, and in the following ones. */
const FIRST_PAGE = 16;
const PAGE = 500;

/**
 * Reads the groups that have become ripe by one time limit, each of them once: as many as are ripe, however many exist.
 * A group that was read and not taken is read again when another task has joined it.
 */
export class RipeWindow {
  private passed: GroupTime | undefined;
  /** When the next group that is known will be ripe, unix ms; 0: now. */
  private nextMs = 0;

  constructor(
    private readonly broker: Pick<GroupOps, 'groupsByTime'>,
    private readonly queue: string,
    readonly order: GroupOrder,
    readonly limitS: number,
  ) {}

  get nextRipeAtMs(): number {
    return this.nextMs;
  }

  reset(): void {
    this.passed = undefined;
    this.nextMs = 0;
  }

  /** The names of the next ripe groups, a page or two at most. */
  async read(nowS: number): Promise<string[]> {
    const ripeS = nowS - this.limitS;
    if (this.passed && this.passed.atS > ripeS) this.reset(); // the clock was set back
    const names: string[] = [];
    for (const size of [FIRST_PAGE, PAGE]) {
      const page = await this.broker.groupsByTime(this.queue, this.order, this.passed, size);
      const ripe = page.filter(({ atS }) => atS <= ripeS);
      this.passed = ripe.at(-1) ?? this.passed;
      for (const { name } of ripe) names.push(name);
      const next = page[ripe.length];
      this.nextMs = next ? fromS(next.atS + this.limitS) : page.length < size ? Infinity : 0;
      if (next || page.length < size) break;
    }
    return names;
  }
}
