import { type Options, SingleBar } from 'cli-progress';
import type { Context } from '../context.js';

const BAR_OPTIONS: Options = {
  format: '{bar} {percentage}% | {value}/{total} tasks | {duration_formatted}',
  barCompleteChar: '█',
  barIncompleteChar: '░',
  hideCursor: true,
  clearOnComplete: true,
  etaBuffer: 50,
  stream: process.stderr,
};

/** Ctrl-C was pressed. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** The abort signal and the progress callback of bulk work. */
export interface BulkWatch {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

/**
 * Runs bulk work with a progress bar if the output is interactive. Ctrl-C stops it between two batches; a second one ends the
 * process.
 * @throws {StoppedError} it was stopped; the message states its progress
 */
export async function watched<Result>(context: Context, work: (watch: BulkWatch) => Promise<Result>): Promise<Result> {
  const interrupt = new AbortController();
  const abort = (): void => interrupt.abort();
  const bar = context.showsProgress ? new SingleBar(BAR_OPTIONS) : undefined;
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
