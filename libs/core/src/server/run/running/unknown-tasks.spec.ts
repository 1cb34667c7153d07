import { expect, it } from 'vitest';
import { FakeClock } from '../../../testing/fake-clock.js';
import { OFFER_MS, UnknownTasks } from './unknown-tasks.js';

it('offers a task for a while, and again when it has been put back', async () => {
  const clock = new FakeClock();
  const tasks = new UnknownTasks(clock);

  const answers = [tasks.offer('q', 'a'), tasks.offer('q', 'a')];
  await clock.advance(OFFER_MS - 1);
  answers.push(tasks.offer('q', 'a'));
  await clock.advance(1);
  answers.push(tasks.offer('q', 'a'), tasks.offer('q', 'a'));

  expect(answers).toEqual(['tell', 'leave', 'tell', 'over', 'tell']);
});

it('offers each task of each queue independently', () => {
  const tasks = new UnknownTasks(new FakeClock());

  expect([tasks.offer('q', 'a'), tasks.offer('q', 'b'), tasks.offer('other', 'a')]).toEqual(['tell', 'tell', 'tell']);
});

it('offers a task again that another server had taken, or put back', async () => {
  const clock = new FakeClock();
  const tasks = new UnknownTasks(clock);
  tasks.offer('q', 'a');

  await clock.advance(OFFER_MS + 1_000);

  expect(tasks.offer('q', 'a')).toBe('tell');
});
