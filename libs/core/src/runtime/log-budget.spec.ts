import { expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.js';
import { LogBudget } from './log-budget.js';

const takeMany = (budget: LogBudget, subject: string, count: number): (number | undefined)[] =>
  Array.from({ length: count }, () => budget.take(subject));

it('lets a burst pass, then leaves lines out and counts them', async () => {
  const clock = new FakeClock();
  const budget = new LogBudget(clock);

  const burst = takeMany(budget, 'mail', 150);
  await clock.advance('1s');
  const later = takeMany(budget, 'mail', 11);

  expect(burst.filter((leftOut) => leftOut === 0)).toHaveLength(100);
  expect(burst.slice(100)).toEqual(Array.from({ length: 50 }, () => undefined));
  expect(later).toEqual([50, 0, 0, 0, 0, 0, 0, 0, 0, 0, undefined]);
});

it('has a budget for each subject, and one for all beyond a thousand', () => {
  const budget = new LogBudget(new FakeClock());
  takeMany(budget, 'mail', 150);

  expect(budget.take('image')).toBe(0);
  for (let n = 0; n < 1_000; n++) budget.take(`type ${n}`);
  expect(takeMany(budget, 'yet another', 200).filter((leftOut) => leftOut === undefined).length).toBeGreaterThan(99);
});
