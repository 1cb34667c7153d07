import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Turns of the event loop in which promises settle and finalizers of weak references run. */
const QUIET_TURNS = 4;
/** What leaks does so in every round; what the engine or a cache does at some time or other does not. */
const MOST_ROUNDS = 16;

/** Bytes of the heap that something still refers to. */
export async function retainedBytes(): Promise<number> {
  for (let turn = 0; turn < QUIET_TURNS; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
}

export interface Rounds {
  /** Calls of one round. */
  readonly calls: number;
  /** Calls side by side. */
  readonly atOnce: number;
  /** Before each look at the heap: lets what lives for a while come to its end. */
  readonly rest?: (() => PromiseLike<unknown>) | undefined;
}

/**
 * Bytes that each call leaves behind, at least: of the rounds the one that left least counts. Rounds end when one left less
 * than `enough`.
 */
export async function bytesLeftPerCall(
  call: (index: number) => Promise<unknown>,
  enough: number,
  { calls, atOnce, rest }: Rounds,
): Promise<number> {
  let index = 0;
  const round = async (): Promise<number> => {
    for (const end = index + calls; index < end; index += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, (_, offset) => call(index + offset)));
    }
    await rest?.();
    return retainedBytes();
  };
  let before = await round();
  let least = Infinity;
  for (let rounds = 1; rounds < MOST_ROUNDS && least >= enough; rounds++) {
    const after = await round();
    least = Math.min(least, (after - before) / calls);
    before = after;
  }
  return least;
}
