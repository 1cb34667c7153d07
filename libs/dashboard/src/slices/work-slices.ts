/** Pieces of work, each some microseconds long, that are done in one turn of the event loop. */
const MOST_PER_TURN = 500;

/** A turn ends after this, too: in a process that has just begun, pieces take many times as long. */
const MOST_MS = 3;

/** A whole turn, and what sums of fractions are off. */
const FULL = 1 + 1e-9;

/** Those who wait for their turn, the first one first. */
const waiting: (() => void)[] = [];
/** How much of the running turn is used up, of 1: all slices share it, so that many requests hold it no longer than one. */
let spent = 0;
/** When work began in the running turn. */
let begunAtMs = 0;
let isEnding = false;

/** Makes the running turn end. */
function endTurn(): void {
  if (isEnding) return;
  isEnding = true;
  setImmediate(() => {
    isEnding = false;
    spent = 0;
    waiting.shift()?.();
    if (waiting.length > 0) endTurn();
  });
}

/**
 * Cuts work on many items into slices, each in a turn of the event loop of its own: the app answers other requests, and
 * runs its tasks, in between. Counts pieces, so that it does the same on every machine that is fast enough for them.
 */
export class WorkSlices {
  /** @param most pieces that would fill a turn by themselves */
  constructor(private readonly most: number = MOST_PER_TURN) {}

  /** To be awaited before a piece of work, or several of them. */
  async take(pieces = 1): Promise<void> {
    const share = pieces / this.most;
    endTurn();
    if (spent > 0 && (spent + share > FULL || performance.now() - begunAtMs >= MOST_MS))
      await new Promise<void>((resolve) => waiting.push(resolve));
    if (spent === 0) begunAtMs = performance.now();
    spent += share;
  }
}
