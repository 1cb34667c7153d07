import { describe, expect, it } from 'vitest';
import { WaitedSet } from './waited-set.js';

describe('WaitedSet', () => {
  it('tells all who wait when it is empty', async () => {
    const set = new WaitedSet<string>();
    set.add('a');
    set.add('b');
    const told: string[] = [];
    const waits = ['one', 'two'].map((name) => set.whenEmpty().then(() => told.push(name)));

    set.delete('a');
    await Promise.resolve();
    const before = [...told];
    set.delete('b');
    await Promise.all(waits);

    expect(before).toEqual([]);
    expect(told).toEqual(['one', 'two']);
  });

  it('is empty at once when nothing was added, and again after it was empty before', async () => {
    const set = new WaitedSet<string>();
    await set.whenEmpty();
    set.add('a');
    set.delete('a');

    await set.whenEmpty();

    expect([...set]).toEqual([]);
  });
});
