import { expect, it } from 'vitest';
import type { GroupTime } from '../../broker/contract/groups.js';
import { RipeWindow } from './ripe-window.js';

/** Groups in their order, and how many of them were read. */
function openWindow(groups: GroupTime[], limitS = 10) {
  let read = 0;
  const groupsByTime = async (_queue: string, _order: string, after: GroupTime | undefined, limit: number) => {
    const isBehind = ({ name, atS }: GroupTime) =>
      !after || atS > after.atS || (atS === after.atS && name > after.name);
    const page = groups.filter(isBehind).slice(0, limit);
    read += page.length;
    return page;
  };
  const window = new RipeWindow({ groupsByTime }, 'q', 'newest', limitS);
  return { window, readCount: () => read };
}

const groupsAt = (atS: number, count: number): GroupTime[] =>
  Array.from({ length: count }, (_, n) => ({ name: `g${atS}-${String(n).padStart(4, '0')}`, atS }));

it('reads each ripe group once, and knows when the next one is ripe', async () => {
  const { window } = openWindow([...groupsAt(100, 2), ...groupsAt(105, 1)]);

  const early = await window.read(109);
  const nextAtMs = window.nextRipeAtMs;
  const first = await window.read(110);
  const again = await window.read(114);
  const second = await window.read(115);

  expect([early, first, again, second].map(({ length }) => length)).toEqual([0, 2, 0, 1]);
  expect([nextAtMs, window.nextRipeAtMs]).toEqual([110_000, Infinity]);
});

it('reads a few groups when none is ripe, however many there are', async () => {
  const { window, readCount } = openWindow(groupsAt(100, 5_000));

  await window.read(101);

  expect(readCount()).toBe(16);
});

it('reads many ripe groups of one second in pages', async () => {
  const { window } = openWindow(groupsAt(100, 1_200));
  const names: string[] = [];
  const due: boolean[] = [];

  for (let page = 0; page < 3; page++) {
    names.push(...(await window.read(110)));
    due.push(window.nextRipeAtMs === 0);
  }

  expect([new Set(names).size, due]).toEqual([1_200, [true, true, false]]);
});

it('reads a group again that another task has joined', async () => {
  const groups = groupsAt(100, 1);
  const { window } = openWindow(groups);
  await window.read(110);

  groups[0] = { name: groups[0]!.name, atS: 112 };

  expect([await window.read(121), await window.read(122)]).toEqual([[], [groups[0].name]]);
});

it('starts over when the clock was set back', async () => {
  const { window } = openWindow([...groupsAt(100, 1), ...groupsAt(200, 1)]);
  await window.read(300);

  expect(await window.read(150)).toEqual(['g100-0000']);
});
