import { describe, expect, it } from 'vitest';
import { WaitedCount } from './waited-count.js';

describe('WaitedCount', () => {
  it('does not wait while it is zero', async () => {
    const count = new WaitedCount();

    await expect(count.whenZero()).resolves.toBeUndefined();
  });

  it('wakes all that wait when the last one is removed', async () => {
    const count = new WaitedCount();
    const seen: string[] = [];
    count.add();
    count.add();
    const waits = ['a', 'b'].map((name) => count.whenZero().then(() => seen.push(name)));

    count.remove();
    await Promise.resolve();
    const before = [...seen];
    count.remove();
    await Promise.all(waits);

    expect([before, seen]).toEqual([[], ['a', 'b']]);
  });
});
