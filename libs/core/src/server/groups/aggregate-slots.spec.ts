import { expect, it } from 'vitest';
import { FakeClock } from '../../testing/fake-clock.js';
import { AggregateSlots, NotStartedError } from './aggregate-slots.js';

function openSlots() {
  const clock = new FakeClock();
  const slots = new AggregateSlots(clock);
  const ends: (() => void)[] = [];
  const call = () => new Promise<void>((resolve) => ends.push(resolve));
  const run = (): Promise<void> => slots.run(call);
  return { clock, slots, ends, run };
}

it('runs three functions at a time, the others in the order of their calls', async () => {
  const { clock, slots, ends, run } = openSlots();
  const runs = [run(), run(), run()];
  const order: string[] = [];
  const later = ['fourth', 'fifth'].map((name) => slots.run(async () => void order.push(name)));
  await clock.advance(0);
  const before = [ends.length, order.length];

  ends[0]!();
  await Promise.all(later);

  expect([before, order]).toEqual([
    [3, 0],
    ['fourth', 'fifth'],
  ]);
  ends.forEach((end) => end());
  await Promise.all(runs);
});

it('allows many sets while functions are quick, and few when one has taken long', async () => {
  const { clock, slots, ends, run } = openSlots();
  const atFirst = slots.mostSets;
  await slots.run(async () => undefined);
  const whileQuick = slots.mostSets;

  const slow = run();
  await clock.advance('2s');
  ends[0]!();
  await slow;

  expect([atFirst, whileQuick, slots.mostSets]).toEqual([3, 64, 3]);
});

it('gives up a function that has not started in time, and frees no slot for it', async () => {
  const { clock, ends, run } = openSlots();
  const runs = [run(), run(), run()];
  const late = run().catch((error: unknown) => error);

  await clock.advance('10s');
  expect(await late).toBeInstanceOf(NotStartedError);
  const next = run();
  await clock.advance(0);
  const begun = ends.length;
  ends.forEach((end) => end());
  await Promise.all(runs);
  ends[3]!();
  await next;

  expect([begun, ends.length]).toEqual([3, 4]);
});

it('frees the slot of a function that fails', async () => {
  const { slots } = openSlots();
  const fail = () => slots.run(() => Promise.reject(new Error('broken')));

  for (let n = 0; n < 4; n++) await expect(fail()).rejects.toThrow('broken');

  await expect(slots.run(async () => 'run')).resolves.toBe('run');
});
