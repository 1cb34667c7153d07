import { type Options, SingleBar } from 'cli-progress';
import type { Context } from '../context.js';

const LOOK: Options = {
  format: '{bar} {percentage}% | {value}/{total} tasks | {duration_formatted}',
  barCompleteChar: '█',
  barIncompleteChar: '░',
  hideCursor: true,
  clearOnComplete: true,
  etaBuffer: 50,
  stream: process.stderr,
};

/** Somebody pressed Ctrl-C. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** What bulk work gets to stop by and to tell with. */
export interface BulkWatch {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

/**
 * Runs bulk work with a progress bar where somebody watches. Ctrl-C stops it between two batches; a second one ends the
 * process.
 * @throws {StoppedError} it was stopped; the message tells how far it came
 */
export async function watched<Result>(context: Context, work: (watch: BulkWatch) => Promise<Result>): Promise<Result> {
  const interrupt = new AbortController();
  const abort = (): void => interrupt.abort();
  const bar = context.showsProgress ? new SingleBar(LOOK) : undefined;
  let progress = { done: 0, total: 0 };
  const onProgress: BulkWatch['onProgress'] = (now) => {
    progress = now;
    if (!bar?.isActive) bar?.start(now.total, now.done);
    bar?.setTotal(now.total);
    bar?.update(now.done);
  };
  process.once('SIGINT', abort);
  try {
    return await work({ signal: interrupt.signal, onProgress });
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    throw new StoppedError(`stopped after ${progress.done} of ${progress.total} tasks`, { cause: error });
  } finally {
    process.off('SIGINT', abort);
    bar?.stop();
  }
}
