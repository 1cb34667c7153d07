import { callGuarded } from './user-callback.js';

type Listener = Parameters<AbortSignal['addEventListener']>[1];

/**
 * Passes errors and rejections of a signal's listeners to `report`. Node would rethrow them outside of every `try`,
 * which ends the process.
 */
export function guardSignal(signal: AbortSignal, report: (error: unknown) => void): AbortSignal {
  const guards = new WeakMap<object, (event: Event) => void>();
  const guardOf = (listener: Listener): Listener => {
    if (!listener) return listener;
    const guard =
      guards.get(listener) ??
      ((event: Event): void =>
        callGuarded(
          () => (typeof listener === 'function' ? listener.call(signal, event) : listener.handleEvent(event)),
          report,
        ));
    guards.set(listener, guard);
    return guard;
  };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  return Object.defineProperties(signal, {
    addEventListener: {
      value: (...[type, listener, options]: Parameters<typeof add>) => add(type, guardOf(listener), options),
    },
    removeEventListener: {
      value: (...[type, listener, options]: Parameters<typeof remove>) => remove(type, guardOf(listener), options),
    },
  });
}
