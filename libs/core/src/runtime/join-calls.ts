// Imported, so that a test's fake timers, which replace the globals, do not block calls.
import { setImmediate } from 'node:timers';
import { nextTick } from './microtasks.js';

/** Takes the outcomes of the items of a joined call. */
export interface Settle<Outcome> {
  resolve(index: number, outcome: Outcome): void;
  /** Fails the whole call that the item came with. */
  reject(index: number, error: unknown): void;
}

/**
 * Joins the calls made in one turn of the event loop into one call of `run`, which returns a promise per item. Each
 * call resolves when its own items have. No timer is involved: concurrent calls of a busy process are sent together,
 * and a single call is sent at once.
 */
export function joinCalls<Item, Outcome>(
  run: (items: readonly Item[]) => readonly Promise<Outcome>[],
): (items: readonly Item[]) => Promise<Outcome[]> {
  return joinSettled((items, settle) => {
    for (const [index, outcome] of run(items).entries()) {
      outcome.then(
        (value) => settle.resolve(index, value),
        (error: unknown) => settle.reject(index, error),
      );
    }
  });
}

/** Fewer calls do not leave before the others of their turn. */
const FEWEST_EARLY = 4;

/**
 * The same without a promise per item: `run` settles each item once.
 * @param enough how many items are worth a request of their own. With them calls leave at once; and so does half of as many calls as
 * were under way lately, because loops whose calls all wait for one reply would leave either side idle by turns. While no call is
 * pending, the next one leaves at the end of the microtasks, with those that were made in them. Without it all wait for the end of
 * the turn.
 */
export function joinSettled<Item, Outcome>(
  run: (items: readonly Item[], settle: Settle<Outcome>) => void,
  enough?: number,
): (items: readonly Item[]) => Promise<Outcome[]> {
  let calls: Call<Item, Outcome>[] = [];
  let waiting = 0;
  let isDue = false;
  let pending = 0;
  /** How many were pending when calls left last. */
  let underWay = 0;
  const onEnd = (): void => void pending--;

  function mayLeave(most: number): boolean {
    const half = underWay / 2;
    return waiting >= most || (half >= FEWEST_EARLY && calls.length >= half);
  }

  function leaveAtEnd(): void {
    isDue = false;
    if (calls.length > 0) leave();
  }

  function leave(): void {
    const leaving = calls;
    calls = [];
    waiting = 0;
    underWay = pending;
    try {
      if (leaving.length === 1) run(leaving[0]!.items, leaving[0]!);
      else run(...joined(leaving));
    } catch (error) {
      for (const call of leaving) call.reject(0, error);
    }
  }

  return (items) =>
    new Promise((resolve, reject) => {
      if (items.length === 0) return resolve([]);
      calls.push(new Call(items, { resolve, reject, onEnd }));
      pending += 1;
      waiting += items.length;
      if (enough !== undefined && mayLeave(enough)) return leave();
      if (isDue) return;
      isDue = true;
      if (enough !== undefined && pending === 1) nextTick(leaveAtEnd);
      else setImmediate(leaveAtEnd);
    });
}

/** The items of all calls, and what settles them. */
function joined<Item, Outcome>(calls: readonly Call<Item, Outcome>[]): [items: readonly Item[], Settle<Outcome>] {
  const callOf: Call<Item, Outcome>[] = [];
  for (const call of calls) {
    call.first = callOf.length;
    for (let i = 0; i < call.items.length; i++) callOf.push(call);
  }
  return [
    calls.flatMap((call) => call.items),
    {
      resolve: (index, outcome) => callOf[index]!.resolve(index, outcome),
      reject: (index, error) => callOf[index]!.reject(index, error),
    },
  ];
}

interface Ending<Outcome> {
  resolve(outcomes: Outcome[]): void;
  reject(error: unknown): void;
  onEnd(): void;
}

class Call<Item, Outcome> implements Settle<Outcome> {
  /** Where its items begin among those of all calls. */
  first = 0;
  private readonly outcomes: Outcome[];
  private open: number;

  constructor(
    readonly items: readonly Item[],
    private readonly ending: Ending<Outcome>,
  ) {
    this.outcomes = new Array<Outcome>(items.length);
    this.open = items.length;
  }

  resolve(index: number, outcome: Outcome): void {
    this.outcomes[index - this.first] = outcome;
    if (--this.open > 0) return;
    this.ending.onEnd();
    this.ending.resolve(this.outcomes);
  }

  reject(_index: number, error: unknown): void {
    if (this.open === Infinity) return;
    this.open = Infinity; // its other items end nothing
    this.ending.onEnd();
    this.ending.reject(error);
  }
}
