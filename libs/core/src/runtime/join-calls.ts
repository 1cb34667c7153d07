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

/**
 * The same without a promise per item: `run` settles each item once.
 * @param isEager while no call is pending, the next one leaves at the end of the microtasks, with those that were made in them: it
 * does not wait for what else happens in this turn
 */
export function joinSettled<Item, Outcome>(
  run: (items: readonly Item[], settle: Settle<Outcome>) => void,
  isEager = false,
): (items: readonly Item[]) => Promise<Outcome[]> {
  let calls: Call<Item, Outcome>[] = [];
  let pending = 0;
  const onEnd = (): void => void pending--;

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
      calls.push(new Call(items, { resolve, reject, onEnd }));
      pending += 1;
      if (calls.length > 1) return;
      if (isEager && pending === 1) nextTick(leave);
      else setImmediate(leave);
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
