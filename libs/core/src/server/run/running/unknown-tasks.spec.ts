import { expect, it } from 'vitest';
import { SteppingClock } from '../../../test-support/stepping-clock.js';
import { OFFER_MS, UnknownTasks } from './unknown-tasks.js';

it('offers a task for a while, and again when it has been put back', async () => {
  const clock = new SteppingClock();
  const tasks = new UnknownTasks(clock);

  const answers = [tasks.offer('q', 'a')];
  await clock.advance(OFFER_MS - 1);
  answers.push(tasks.offer('q', 'a'));
  await clock.advance(1);
  answers.push(tasks.offer('q', 'a'), tasks.offer('q', 'a'));

  expect(answers).toEqual(['offer', 'offer', 'over', 'offer']);
});

it('names the offered tasks of a queue until their offers end', async () => {
  const clock = new SteppingClock();
  const tasks = new UnknownTasks(clock);
  tasks.offer('q', 'a');
  tasks.offer('other', 'x');
  await clock.advance(1);
  tasks.offer('q', 'b');

  const named = [tasks.offered('q'), tasks.offered('other'), tasks.offered('third')];
  await clock.advance(OFFER_MS - 1);
  named.push(tasks.offered('q'));
  await clock.advance(1);
  named.push(tasks.offered('q'));

  expect(named).toEqual([['a', 'b'], ['x'], [], ['b'], []]);
});

it('has others told of a new offer at once, and again every so often', async () => {
  const clock = new SteppingClock();
  const tasks = new UnknownTasks(clock);
  const due = [tasks.isTellDue('q')];
  tasks.offer('q', 'a');

  due.push(tasks.isTellDue('q'), tasks.isTellDue('q'));
  tasks.offer('q', 'b');
  due.push(tasks.isTellDue('q'), tasks.isTellDue('other'));
  await clock.advance(799);
  due.push(tasks.isTellDue('q'));
  await clock.advance(1);
  due.push(tasks.isTellDue('q'));

  expect(due).toEqual([false, true, false, true, false, false, true]);
});

it('offers a task again that another server had taken, or put back', async () => {
  const clock = new SteppingClock();
  const tasks = new UnknownTasks(clock);
  tasks.offer('q', 'a');

  await clock.advance(OFFER_MS + 1_000);

  expect(tasks.offer('q', 'a')).toBe('offer');
  expect(tasks.offered('q')).toEqual(['a']);
});
