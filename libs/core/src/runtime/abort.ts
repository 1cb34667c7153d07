type Listener = () => void;

/** Listeners of a signal, behind the one that the signal itself has while there are any. */
const listenersOf = new WeakMap<AbortSignal, Set<Listener>>();

/**
 * Calls `listener` once when `signal` aborts, at once if it has. The function that it returns takes the listener back. A
 * signal gets one listener whatever the number of calls, as Node warns of more than ten.
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
  signal.addEventListener('abort', tellAll);
  return listeners;
}

function forget(signal: AbortSignal): void {
  listenersOf.delete(signal);
  signal.removeEventListener('abort', tellAll);
}

function tellAll(this: AbortSignal): void {
  const listeners = listenersOf.get(this) ?? [];
  forget(this);
  for (const listener of listeners) listener();
}

/**
 * A controller that also aborts when one of other signals does. In place of `AbortSignal.any`, whose signals stay in memory
 * with all that their listeners hold for as long as the others live.
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

  /** Follows the other signals no longer. To be called whatever happens: they may live as long as the process. */
  release(): void {
    for (const end of this.ends) end();
  }
}

/** What `work` comes to, unless `signal` aborts first: then its reason as the error. `work` goes on behind that. */
export function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = onAbort(signal, () => reject(signal.reason as Error));
    work.finally(end).then(resolve, reject);
  });
}
