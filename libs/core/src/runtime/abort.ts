type Listener = () => void;

/** Our listeners of a signal, called by the single listener that is added to the signal itself. */
const listenersOf = new WeakMap<AbortSignal, Set<Listener>>();

/**
 * Calls `listener` once when `signal` aborts, at once if it has. Returns a function that removes the listener. A signal
 * gets one listener for any number of calls, because Node warns of more than ten.
 */
export function onAbort(signal: AbortSignal, listener: Listener): () => void {
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  const listeners = listenersOf.get(signal) ?? listenTo(signal);
  const own = (): void => listener(); // the same function twice counts twice
  listeners.add(own);
  return () => {
    if (listeners.delete(own) && listeners.size === 0) forget(signal);
  };
}

function listenTo(signal: AbortSignal): Set<Listener> {
  const listeners = new Set<Listener>();
  listenersOf.set(signal, listeners);
  signal.addEventListener('abort', callListeners);
  return listeners;
}

function forget(signal: AbortSignal): void {
  listenersOf.delete(signal);
  signal.removeEventListener('abort', callListeners);
}

function callListeners(this: AbortSignal): void {
  const listeners = listenersOf.get(this) ?? [];
  forget(this);
  for (const listener of listeners) listener();
}

/**
 * A controller that also aborts when one of several signals does. Replaces `AbortSignal.any`, whose signals, and
 * everything that their listeners reference, stay in memory as long as the source signals.
 */
export class LinkedAbort {
  private readonly controller = new AbortController();
  private readonly ends: readonly (() => void)[];

  constructor(sources: readonly AbortSignal[]) {
    this.ends = sources.map((source) => onAbort(source, () => this.abort(source.reason)));
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  abort(reason: unknown): void {
    this.controller.abort(reason);
  }

  /** Stops following the signals. Must always be called: the signals may live as long as the process. */
  release(): void {
    for (const end of this.ends) end();
  }
}

/** The result of `work`, unless `signal` aborts first: then it rejects with the reason, while `work` continues. */
export function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = onAbort(signal, () => reject(signal.reason as Error));
    work.finally(end).then(resolve, reject);
  });
}
