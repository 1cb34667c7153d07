import type { Broker } from '../broker/contract/broker.js';

/** The same broker with one method replaced. */
export function replaceMethod<Name extends keyof Broker>(broker: Broker, name: Name, method: Broker[Name]): Broker {
  return new Proxy(broker, {
    get: (target, wanted) => {
      const member: unknown = wanted === name ? method : Reflect.get(target, wanted, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
