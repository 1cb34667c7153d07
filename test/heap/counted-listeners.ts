import { EventEmitter, getEventListeners } from 'node:events';

type Source = EventEmitter | EventTarget;

/**
 * Counts the listeners on every emitter and event target (such as an abort signal) that is still referenced and got its
 * first listener after this call.
 */
export function countListeners(): () => number {
  const seen = new WeakSet<Source>();
  let sources: WeakRef<Source>[] = [];
  const note = (source: Source): void => {
    if (seen.has(source)) return;
    seen.add(source);
    sources.push(new WeakRef(source));
  };
  for (const method of ['on', 'addListener', 'prependListener'] as const) {
    const listen = EventEmitter.prototype[method];
    EventEmitter.prototype[method] = function (this: EventEmitter, ...args: Parameters<typeof listen>) {
      note(this);
      return listen.apply(this, args);
    } as typeof listen;
  }
  const listenToTarget = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (this: EventTarget, ...args: Parameters<typeof listenToTarget>) {
    note(this);
    listenToTarget.apply(this, args);
  };
  return () => {
    sources = sources.filter((source) => source.deref());
    return sources.reduce((sum, source) => sum + listenersOf(source.deref()!), 0);
  };
}

function listenersOf(source: Source): number {
  if (!(source instanceof EventEmitter)) return getEventListeners(source, 'abort').length;
  return source.eventNames().reduce((sum, name) => sum + source.listenerCount(name), 0);
}
