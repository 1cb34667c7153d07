import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Turns of the event loop in which promises settle. */
const QUIET_TURNS = 2;
/** Each is followed by a turn in which finalizers of weak references run, whose objects the next one frees. */
const COLLECTIONS = 2;
/** Before the first measurement there are so many times fewer calls: code is compiled, and pools and caches are filled. */
const WARM_UP_SHARE = 10;
/** A leak shows in every round; effects of the engine or a cache do not. */
const MOST_ROUNDS = 16;

/** Bytes of the heap that are still referenced. */
export async function retainedBytes(): Promise<number> {
  const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (let turn = 0; turn < QUIET_TURNS; turn++) await nextTurn();
  for (let time = 0; time < COLLECTIONS; time++) {
    collect();
    await nextTurn();
  }
  return process.memoryUsage().heapUsed;
}

export interface Rounds {
  /** Calls of one round. */
  readonly calls: number;
  /** Concurrent calls. */
  readonly atOnce: number;
  /** Runs before each measurement of the heap: lets short-lived objects expire. */
  readonly rest?: (() => PromiseLike<unknown>) | undefined;
}

/**
 * Minimum number of bytes that each call leaves behind: the round with the least counts. Rounds end when one leaves
 * less than `enough`.
 */
export async function bytesLeftPerCall(
  call: (index: number) => Promise<unknown>,
  enough: number,
  { calls, atOnce, rest }: Rounds,
): Promise<number> {
  let index = 0;
  const round = async (count = calls): Promise<number> => {
    for (const end = index + count; index < end; index += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, (_, offset) => call(index + offset)));
    }
    await rest?.();
    return retainedBytes();
  };
  let before = await round(Math.max(atOnce, calls / WARM_UP_SHARE));
  let least = Infinity;
  for (let rounds = 1; rounds < MOST_ROUNDS && least >= enough; rounds++) {
    const after = await round();
    least = Math.min(least, (after - before) / calls);
    before = after;
  }
  return least;
}
