import { describe, expect, it } from 'vitest';
import { keySlot, SLOTS } from '../wire/key-slot.js';
import { keys } from '../wire/keys.js';
import { partitionNames, placeOf } from './partition-name.js';

const QUEUES = ['email', 'default', 'notifications', 'a', 'Größe', 'tenant:42:mail', 'x'.repeat(100)];
const many = [...QUEUES, ...Array.from({ length: 100 }, (_, n) => `queue-${n}`)];

/** How many of the first partitions each of the masters holds, whose ranges of slots are equal. */
function perMaster(queue: string, partitions: number, masters: number): number[] {
  const counts = new Array<number>(masters).fill(0);
  for (const name of partitionNames(queue, partitions)) {
    counts[Math.floor((keySlot(keys.pending(name)) * masters) / SLOTS)]! += 1;
  }
  return counts;
}

describe('partition names', () => {
  it('never change: other processes build them, too', () => {
    expect(partitionNames('email', 8)).toEqual([
      'email:p0-hv',
      'email:p1-zq',
      'email:p2-rh',
      'email:p3-qu',
      'email:p4-hu',
      'email:p5-dp',
      'email:p6-ba',
      'email:p7-oc',
    ]);
  });

  it.each([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
    'give each of %d masters one of the same number of partitions',
    (masters) => {
      for (const queue of many) expect(perMaster(queue, masters, masters)).toEqual(new Array(masters).fill(1));
    },
  );

  it.each([
    [6, 3],
    [12, 3],
    [12, 4],
    [24, 3],
    [24, 12],
    [24, 24],
    [48, 16],
    [48, 48],
  ])('divide %d partitions evenly among %d masters', (partitions, masters) => {
    for (const queue of many) {
      expect(perMaster(queue, partitions, masters)).toEqual(new Array(masters).fill(partitions / masters));
    }
  });

  it('differ by one at most on three masters, whatever their number', () => {
    for (const queue of many) {
      const counts = [0, 0, 0];
      for (const name of partitionNames(queue, 64)) {
        counts[Math.floor((keySlot(keys.pending(name)) * 3) / SLOTS)]! += 1;
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }
    }
  });

  it('identify their queue', () => {
    for (const queue of QUEUES) {
      for (const [index, partition] of partitionNames(queue, 64).entries()) {
        expect(placeOf(partition)).toEqual({ queue, partition, index });
      }
    }
  });

  it.each(['email', 'email:p0', 'email:p0-zz', 'email:p64-aa', 'email:p07-oc', ':p1-aa', 'email:p-1-aa'])(
    'are not mistaken for other names: %s',
    (name) => {
      expect(placeOf(name)).toEqual({ queue: name, partition: undefined, index: -1 });
    },
  );
});
