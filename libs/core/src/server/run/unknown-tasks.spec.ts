import { expect, it } from 'vitest';
import { FakeClock } from '../../testing/fake-clock.js';
import { UnknownTasks } from './unknown-tasks.js';

function prepare() {
  const clock = new FakeClock();
  const tasks = new UnknownTasks(clock);
  const putBack = (id: string, queue = 'q'): void => tasks.putBack(queue, id, clock.nowMs() + 5_000);
  return { clock, tasks, putBack };
}

it('expects a task when it is due again, and not before', async () => {
  const { clock, tasks, putBack } = prepare();
  putBack('a');

  const atOnce = tasks.areDue('q');
  await clock.advance('4.9s');
  const early = tasks.areDue('q');
  await clock.advance('100ms');

  expect([atOnce, early]).toEqual([false, false]);
  expect(tasks.areDue('q')).toBe(true);
  expect(tasks.areDue('other')).toBe(false);
});

it('gives a task up that went elsewhere', async () => {
  const { clock, tasks, putBack } = prepare();
  putBack('a');

  await clock.advance('9.9s');
  const late = tasks.areDue('q');
  await clock.advance('100ms');

  expect(late).toBe(true);
  expect(tasks.areDue('q')).toBe(false);
});

it('expects each of several at its time, and one that came back at its new one', async () => {
  const { clock, tasks, putBack } = prepare();
  putBack('a');
  await clock.advance('2s');
  putBack('b');

  await clock.advance('3s');
  const first = tasks.areDue('q');
  putBack('a');
  const between = tasks.areDue('q');
  await clock.advance('2s');
  const second = tasks.areDue('q');
  putBack('b');
  const after = tasks.areDue('q');

  expect([first, between, second, after]).toEqual([true, false, true, false]);
});
