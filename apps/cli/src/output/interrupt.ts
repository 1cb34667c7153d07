import process from 'node:process';

/** The shell's status after Ctrl-C. */
export const STOPPED = 130;

/** Ctrl-C was pressed. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/**
 * Ctrl-C during bulk work: the first stops it after the current step, together with all that would follow in this run; a
 * second one ends the process.
 */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly #abort = (): void => this.#controller.abort();
  #isListening = false;

  /** Aborted at Ctrl-C. Until the first use, Ctrl-C ends the process. */
  get signal(): AbortSignal {
    if (!this.#isListening) process.once('SIGINT', this.#abort);
    this.#isListening = true;
    return this.#controller.signal;
  }

  get isStopped(): boolean {
    return this.#controller.signal.aborted;
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#abort);
  }
}
