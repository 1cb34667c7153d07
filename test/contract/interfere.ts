import { Redis } from 'ioredis';
import { type MockInstance, onTestFinished, vi } from 'vitest';

type Command = 'lrange' | 'zrange' | 'zrangebyscore' | 'zscore';
type Send = (this: Redis, ...args: unknown[]) => Promise<unknown>;

/**
 * Until the test ends, another client works right before or after a command, whoever sends it.
 * @param times how often; default once
 * @returns the spy, for the calls
 */
export function interfere(
  command: Command,
  when: 'before' | 'after',
  work: () => Promise<unknown>,
  times = 1,
): MockInstance<Send> {
  const send = Redis.prototype[command] as Send;
  const spy = vi.spyOn(Redis.prototype, command) as unknown as MockInstance<Send>;
  let left = times;
  spy.mockImplementation(async function (this: Redis, ...args: unknown[]) {
    if (left === 0) return send.apply(this, args);
    left -= 1; // before the work, which may send the command as well
    if (when === 'before') await work();
    const reply = await send.apply(this, args);
    if (when === 'after') await work();
    return reply;
  });
  onTestFinished(() => spy.mockRestore());
  return spy;
}
