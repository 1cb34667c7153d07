import { describe, expect, it } from 'vitest';
import { type WaitedItem, WaitedSet } from './waited-set.js';

const item = (): WaitedItem => ({ place: undefined });

describe('WaitedSet', () => {
  it('tells all who wait when it is empty', async () => {
    const set = new WaitedSet();
    const [one, other] = [item(), item()];
    set.add(one);
    set.add(other);
    const told: string[] = [];
    const waits = ['one', 'two'].map((name) => set.whenEmpty().then(() => told.push(name)));

    set.delete(one);
    await Promise.resolve();
    const before = [...told];
    set.delete(other);
    await Promise.all(waits);

    expect(before).toEqual([]);
    expect(told).toEqual(['one', 'two']);
  });

  it('is empty at once when nothing was added, and again after it was empty before', async () => {
    const set = new WaitedSet();
    await set.whenEmpty();
    const only = item();
    set.add(only);
    set.delete(only);

    await set.whenEmpty();

    expect([...set]).toEqual([]);
  });

  it('contains what was added and not deleted, in whichever order', () => {
    const set = new WaitedSet();
    const items = [item(), item(), item(), item()] as const;
    for (const each of items) set.add(each);

    set.delete(items[1]);
    set.delete(items[3]);
    set.delete(items[3]);
    const left = new Set(set);
    set.add(items[1]);
    set.delete(items[0]);

    expect([left, new Set(set)]).toEqual([new Set([items[0], items[2]]), new Set([items[1], items[2]])]);
    expect(set.size).toBe(2);
  });

  it('gives those that were in it when it was asked, though some leave meanwhile', () => {
    const set = new WaitedSet();
    const items = [item(), item(), item()];
    for (const each of items) set.add(each);
    const seen: WaitedItem[] = [];

    for (const each of set) {
      seen.push(each);
      set.delete(each);
    }

    expect(seen).toEqual(items);
    expect(set.size).toBe(0);
  });
});
