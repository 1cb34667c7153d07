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
      calls.push(new Call(items, resolve, reject));
      if (calls.length === 1) setImmediate(leave);
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

class Call<Item, Outcome> implements Settle<Outcome> {
  /** Where its items begin among those of all calls. */
  first = 0;
  private readonly outcomes: Outcome[];
  private open: number;

  constructor(
    readonly items: readonly Item[],
    private readonly onOutcomes: (outcomes: Outcome[]) => void,
    private readonly onError: (error: unknown) => void,
  ) {
    this.outcomes = new Array<Outcome>(items.length);
    this.open = items.length;
  }

  resolve(index: number, outcome: Outcome): void {
    this.outcomes[index - this.first] = outcome;
    if (--this.open === 0) this.onOutcomes(this.outcomes);
  }

  reject(_index: number, error: unknown): void {
    this.onError(error);
  }
}
