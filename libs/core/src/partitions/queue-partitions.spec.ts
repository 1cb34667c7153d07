import { describe, expect, it } from 'vitest';
import { OptionReader } from '../runtime/option-reader.js';
import { partitionName, partitionNames } from './partition-name.js';
import { partitionProblems, QueuePartitions, readPartitions } from './queue-partitions.js';

const KEYS = Array.from({ length: 2_000 }, (_, n) => `key-${n}`);

const choices = (count: number): string[] => {
  const partitions = new QueuePartitions({ email: count });
  return KEYS.map((key) => partitions.choose('email', key));
};

function problemsOf(given: unknown): readonly unknown[] {
  const reader = new OptionReader({});
  readPartitions(reader, given);
  return reader.problems.map(({ option, value }) => [option, value]);
}

describe('QueuePartitions', () => {
  it('leaves a queue without partitions as it is', () => {
    const partitions = new QueuePartitions({ email: 2 });

    expect(partitions.choose('other', 'key')).toBe('other');
    expect(partitions.of('other')).toBeUndefined();
  });

  it('uses the partitions in turn', () => {
    const partitions = new QueuePartitions({ email: 3 });

    const turns = Array.from({ length: 9 }, () => partitions.choose('email', undefined));

    expect(turns.slice(0, 3).toSorted()).toEqual(partitionNames('email', 3));
    expect(turns.slice(3)).toEqual([...turns.slice(0, 3), ...turns.slice(0, 3)]);
  });

  it('gives equal keys one partition in every process, and spreads keys evenly', () => {
    expect(choices(8)).toEqual(choices(8));
    const chosen = choices(8);
    for (const name of partitionNames('email', 8)) {
      const count = chosen.filter((other) => other === name).length;
      expect(Math.abs(count - KEYS.length / 8)).toBeLessThan(60);
    }
  });

  it('chooses as before for known keys', () => {
    expect(['ann', 'bob', 'eve'].map((key) => new QueuePartitions({ email: 8 }).choose('email', key))).toEqual([
      'email:p1-zq',
      'email:p5-dp',
      'email:p6-ba',
    ]);
  });

  it('moves keys only to new partitions when their number grows', () => {
    const [before, after] = [choices(8), choices(9)];

    const moved = after.filter((name, at) => name !== before[at]);

    expect(new Set(moved)).toEqual(new Set([partitionName('email', 8)]));
    expect(Math.abs(moved.length - KEYS.length / 9)).toBeLessThan(60);
  });
});

describe('the numbers of partitions', () => {
  it.each([0, 1.5, 65, 10_000, '8', Number.NaN])('are whole numbers from 1 to 64, unlike %s', (count) => {
    expect(problemsOf({ email: count })).toEqual([['partitions.email', count]]);
  });

  it.each([['email'], 8, 'email'])('must be an object by queue name, not %o', (given) => {
    expect(problemsOf(given)).toHaveLength(1);
  });

  it('are refused for a queue with the name of a partition', () => {
    const name = partitionName('email', 0);

    expect(problemsOf({ [name]: 2 })).toEqual([['partitions', name]]);
    expect(problemsOf({ '': 2 })).toEqual([['partitions', '']]);
  });

  it('refuse other queues that have the name of a partition', () => {
    const name = partitionName('email', 7);

    const problems = partitionProblems('queues', { email: 2 }, ['email', name, 'email:p7']);

    expect(problems).toEqual([
      { option: 'queues', value: name, allowed: 'another name: this one is that of a partition of "email"' },
    ]);
    expect(partitionProblems('queues', {}, ['email', name])).toEqual([]);
  });
});
