import { guardSignal } from './guard-signal.js';

/**
 * An abort whose `AbortSignal` is made when somebody first asks for it. Most handlers never do, and making one costs as
 * much as a good part of a short attempt.
 */
export class LateSignal {
  private controller: AbortController | undefined;
  private given: { readonly reason: unknown } | undefined;

  /** @param onListenerError hears what listeners of the signal throw */
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

  /** The first reason counts. */
  abort(reason: unknown): void {
    if (this.given) return;
    this.given = { reason };
    this.controller?.abort(reason);
  }
}
