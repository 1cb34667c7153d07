import type { Options, SingleBar } from 'cli-progress';
import type { Context } from '../context.js';
import { StoppedError } from './interrupt.js';

const BAR_OPTIONS: Options = {
  format: '{bar} {percentage}% | {value}/{total} tasks | {duration_formatted}',
  barCompleteChar: '█',
  barIncompleteChar: '░',
  hideCursor: true,
  clearOnComplete: true,
  etaBuffer: 50,
  stream: process.stderr,
};

/** The abort signal and the progress callback of bulk work. */
export interface BulkWatch {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

/**
 * Runs bulk work with a progress bar if the output is interactive. Ctrl-C stops it between two batches, see `Interrupt`.
 * @throws {StoppedError} it was stopped; the message states its progress
 */
export async function watched<Result>(context: Context, work: (watch: BulkWatch) => Promise<Result>): Promise<Result> {
  const { signal } = context.interrupt;
  const bar = context.showsProgress ? await openBar() : undefined;
  let progress = { done: 0, total: 0 };
  const onProgress: BulkWatch['onProgress'] = (now) => {
    progress = now;
    if (!bar?.isActive) bar?.start(now.total, now.done);
    bar?.setTotal(now.total);
    bar?.update(now.done);
  };
  try {
    return await work({ signal, onProgress });
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new StoppedError(`stopped after ${progress.done} of ${progress.total} tasks`, { cause: error });
  } finally {
    bar?.stop();
  }
}

/** A progress bar that counts tasks; not started. */
export async function openBar(): Promise<SingleBar> {
  const { default: progress } = await import('cli-progress');
  return new progress.SingleBar(BAR_OPTIONS);
}
