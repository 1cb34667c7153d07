import { expect, it } from 'vitest';
import { PORTS, type PortRange } from './free-port.js';

it('draws the ports of different servers from ranges that do not overlap', () => {
  const spans = Object.entries<PortRange>(PORTS).flatMap(([name, { from, to, alsoFree }]) =>
    [0, ...alsoFree].map((distance) => ({ name, from: from + distance, to: to + distance })),
  );

  const overlaps = spans.flatMap((one, at) =>
    spans
      .slice(at + 1)
      .filter((other) => other.name !== one.name && one.from < other.to && other.from < one.to)
      .map((other) => `${one.name} ${one.from} and ${other.name} ${other.from}`),
  );

  expect(overlaps).toEqual([]);
  expect(Math.max(...spans.map(({ to }) => to))).toBeLessThanOrEqual(32_768);
});
