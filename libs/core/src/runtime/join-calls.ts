// Imported, so that a test's fake timers, which replace the globals, do not block calls.
import { setImmediate } from 'node:timers';

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

/** The same without a promise per item: `run` settles each item once. */
export function joinSettled<Item, Outcome>(
  run: (items: readonly Item[], settle: Settle<Outcome>) => void,
): (items: readonly Item[]) => Promise<Outcome[]> {
  let calls: Call<Item, Outcome>[] = [];

  function leave(): void {
    const leaving = calls;
    calls = [];
    const callOf: Call<Item, Outcome>[] = [];
    for (const call of leaving) {
      call.first = callOf.length;
      for (let i = 0; i < call.items.length; i++) callOf.push(call);
    }
    const items = leaving.length === 1 ? leaving[0]!.items : leaving.flatMap((call) => call.items);
    try {
      run(items, {
        resolve: (index, outcome) => callOf[index]!.settle(index, outcome),
        reject: (index, error) => callOf[index]!.reject(error),
      });
    } catch (error) {
      for (const { reject } of leaving) reject(error);
    }
  }

  return (items) =>
    new Promise((resolve, reject) => {
      if (items.length === 0) return resolve([]);
      calls.push(new Call(items, resolve, reject));
      if (calls.length === 1) setImmediate(leave);
    });
}

class Call<Item, Outcome> {
  /** Where its items begin among those of all calls. */
  first = 0;
  private readonly outcomes: Outcome[];
  private open: number;

  constructor(
    readonly items: readonly Item[],
    private readonly resolve: (outcomes: Outcome[]) => void,
    readonly reject: (error: unknown) => void,
  ) {
    this.outcomes = new Array<Outcome>(items.length);
    this.open = items.length;
  }

  settle(index: number, outcome: Outcome): void {
    this.outcomes[index - this.first] = outcome;
    if (--this.open === 0) this.resolve(this.outcomes);
  }
}
