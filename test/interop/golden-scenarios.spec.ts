import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DIFFERENCES, LEFT_OUT, REFUSED } from './golden-differences.js';
import { recording } from './golden-recording.js';

const folder = new URL('.', import.meta.url);

/** The specs that play recorded scenarios. */
const specs = readdirSync(folder)
  .filter((name) => /^golden-scenarios-.+\.spec\.ts$/.test(name))
  .map((name) => readFileSync(new URL(name, folder), 'utf8'));

const count = (pattern: RegExp): number => specs.reduce((sum, spec) => sum + [...spec.matchAll(pattern)].length, 0);

const sorted = (names: readonly string[]): string[] => names.toSorted((a, b) => (a < b ? -1 : 1));

it('plays every recorded scenario once, and none that is not recorded', () => {
  const played = specs.flatMap((spec) => [...spec.matchAll(/new GoldenStage\(redis, '(\w+)'/g)].map(([, id]) => id!));

  expect(sorted(played)).toEqual(sorted(Object.keys(recording)));
});

it('checks for every scenario that all its steps were played', () => {
  expect(count(/expect\(stage\.missing\(\)\)\.toEqual\(\[\]\);/g)).toBe(count(/new GoldenStage\(/g));
});

it.each(Object.entries({ LEFT_OUT, REFUSED, DIFFERENCES }))('lists in %s only what is recorded', (_, listed) => {
  expect(Object.keys(recording)).toEqual(expect.arrayContaining(Object.keys(listed)));
});
