import type { Broker } from '../broker/contract/broker.js';

export interface RecordedBroker {
  readonly broker: Broker;
  /** Names of the methods called so far, in order, including those of watches. */
  readonly calls: string[];
  /** How often each was called. */
  counts(): Record<string, number>;
}

/** Wraps a broker, to count the calls of a part of the server. */
export function recordCalls(broker: Broker): RecordedBroker {
  const calls: string[] = [];
  const recorded = recordMethods(broker, calls, (name, reply) =>
    name === 'openWatch' || name === 'watchQueues'
      ? (reply as Promise<object | undefined>).then((watch) => watch && recordMethods(watch, calls))
      : reply,
  );
  const counts = (): Record<string, number> => {
    const counted: Record<string, number> = {};
    for (const name of calls) counted[name] = (counted[name] ?? 0) + 1;
    return counted;
  };
  return { broker: recorded, calls, counts };
}

function recordMethods<Target extends object>(
  target: Target,
  calls: string[],
  replyOf: (name: string, reply: unknown) => unknown = (_, reply) => reply,
): Target {
  return new Proxy(target, {
    get: (_, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        calls.push(String(name));
        return replyOf(String(name), member.apply(target, args));
      };
    },
  });
}
