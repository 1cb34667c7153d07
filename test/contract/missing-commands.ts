import { beforeEach, type TestContext } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';

/** The command behind what a broker offers only where the server can do it; users poll without it. */
const BEHIND: readonly (readonly [method: RegExp, command: string])[] = [
  [/^on[A-Z]/, 'SUBSCRIBE'],
  [/^openWatch$/, 'BLMOVE'],
  [/^watchQueues$/, 'CLIENT'],
  [/^(?:facts|storeInfo|storeNodes)$/, 'INFO'],
  [/^memoryUsage$/, 'MEMORY'],
];

/** Opens queues whose tests end, as skipped, where they use what needs a command that is refused there. */
export function withoutCommands(refused: readonly string[], openQueue: () => TestQueue): () => TestQueue {
  let skip: TestContext['skip'];
  beforeEach((context) => {
    skip = context.skip;
  });
  return () => {
    const q = openQueue();
    const broker = overriding(q.broker, (name) => {
      const [, command = ''] = BEHIND.find(([method]) => method.test(name)) ?? [];
      return refused.includes(command) ? () => skip(`needs ${command}`) : undefined;
    });
    return overriding(q, (name) => (name === 'broker' ? broker : undefined));
  };
}

/** The object with other members where `override` gives some. */
function overriding<T extends object>(object: T, override: (name: string) => unknown): T {
  return new Proxy(object, {
    get(target, name) {
      const value = override(String(name)) ?? (Reflect.get(target, name, target) as unknown);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
