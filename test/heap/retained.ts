import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Turns of the event loop in which promises settle and finalizers of weak references run. */
const QUIET_TURNS = 4;
const QUARTERS = 4;

/** Bytes of the heap that something still refers to. */
export async function retainedBytes(): Promise<number> {
  for (let turn = 0; turn < QUIET_TURNS; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
}

export interface Run {
  readonly calls: number;
  /** Calls side by side. */
  readonly atOnce: number;
  /** Before each look at the heap: lets what lives for a while come to its end. */
  readonly rest?: (() => Promise<unknown>) | undefined;
}

/**
 * Bytes that each call leaves behind. The first quarter of the calls fills caches and pools. Of the quarters after it the one
 * that left least counts: what leaks does so in each, what the engine does at some time or other does not.
 */
export async function bytesLeftPerCall(
  call: (index: number) => Promise<unknown>,
  { calls, atOnce, rest }: Run,
): Promise<number> {
  const perQuarter = Math.ceil(calls / QUARTERS / atOnce) * atOnce;
  const samples: number[] = [];
  for (let index = 0; index < QUARTERS * perQuarter; ) {
    for (const end = index + perQuarter; index < end; index += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, (_, offset) => call(index + offset)));
    }
    await rest?.();
    samples.push(await retainedBytes());
  }
  const growths = samples.slice(1).map((sample, quarter) => sample - samples[quarter]!);
  return Math.min(...growths) / perQuarter;
}
