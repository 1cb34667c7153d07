import type { Broker } from '../broker/contract/broker.js';
import { RedisCommandError } from '../errors/redis-command.error.js';

/** The methods of a broker that can fail. */
export type BrokerMethod = Exclude<keyof Broker, 'kind' | 'address' | 'clock'>;

/** Which calls of a broker fail, and how. */
export interface FailureOptions {
  /** How many consecutive calls fail. Default 1. */
  readonly times?: number | undefined;
  /** Whether the same call may succeed later. Default `true`, as when Redis is unavailable. */
  readonly isTransient?: boolean | undefined;
  /** `'lostReply'`: the call takes effect and then fails. Default `'lostRequest'`: it has no effect. */
  readonly as?: 'lostRequest' | 'lostReply' | undefined;
}

/** A broker that fails on demand. */
export type FailingBroker = Broker & {
  /** Lets the next calls of a method reject with a `RedisCommandError`. Replaces an earlier plan for the method. */
  failNext(method: BrokerMethod, options?: FailureOptions): void;
};

type AnyMethod = (...args: unknown[]) => Promise<unknown>;

interface Plan {
  timesLeft: number;
  readonly isTransient: boolean;
  readonly isReplyLost: boolean;
}

/** Wraps a broker, to test what happens when it fails. Calls go through unless `failNext` says otherwise. */
export function failingBroker(broker: Broker): FailingBroker {
  const plans = new Map<PropertyKey, Plan>();

  const failNext: FailingBroker['failNext'] = (method, { times = 1, isTransient = true, as = 'lostRequest' } = {}) => {
    plans.set(method, { timesLeft: times, isTransient, isReplyLost: as === 'lostReply' });
  };

  const wrap = (name: PropertyKey, method: AnyMethod): AnyMethod => {
    return async (...args) => {
      const plan = plans.get(name);
      if (!plan || plan.timesLeft === 0) return method(...args);
      plan.timesLeft -= 1;
      if (plan.isReplyLost) await method(...args);
      const cause = new Error(plan.isReplyLost ? 'the reply was lost' : 'the connection is down');
      throw new RedisCommandError(String(name), plan.isTransient, { cause });
    };
  };

  return new Proxy(broker, {
    get(target, name) {
      if (name === 'failNext') return failNext;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? wrap(name, (member as AnyMethod).bind(target)) : member;
    },
  }) as FailingBroker;
}
