import { guardSignal } from './guard-signal.js';

/**
 * An abort whose `AbortSignal` is created on first access. Most handlers never read it, and creating one takes a
 * significant part of a short attempt.
 */
export class LazySignal {
  private controller: AbortController | undefined;
  private given: { readonly reason: unknown } | undefined;

  /** @param onListenerError is called with errors of the signal's listeners */
  constructor(private readonly onListenerError: (error: unknown) => void) {}

  get isAborted(): boolean {
    return this.given !== undefined;
  }

  /** `undefined` until it is aborted. */
  get reason(): unknown {
    return this.given?.reason;
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      guardSignal(this.controller.signal, this.onListenerError);
      if (this.given) this.controller.abort(this.given.reason);
    }
    return this.controller.signal;
  }

  /** Only the first call has an effect. */
  abort(reason: unknown): void {
    if (this.given) return;
    this.given = { reason };
    this.controller?.abort(reason);
  }
}
