/** Of one series, one per point; `null`: not known. */
export type Values = readonly (number | null)[];

type Scale = (value: number) => number;

/** Maps values to pixels: the first one to `begin`, the last one to `end`. */
export function scaleOf(first: number, last: number, begin: number, end: number): Scale {
  const perValue = (end - begin) / (last - first || 1);
  return (value) => begin + (value - first) * perValue;
}

/** Round values from 0 up to `most`, about `count` of them at most. */
export function valueTicks(most: number, count: number): number[] {
  const least = most / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * ([1, 2, 2.5, 5].find((factor) => factor * power >= least) ?? 10);
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, nth) => Number((nth * step).toPrecision(12)));
}

const STEPS_MS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1_440].map((minutes) => minutes * 60_000);

/**
 * Round times from the first to the last one, about `count` of them at most.
 * @param aheadMs of UTC: they are round on the clock of that zone
 */
export function timeTicks(firstMs: number, lastMs: number, count: number, aheadMs: number): number[] {
  const leastMs = (lastMs - firstMs) / Math.max(1, count);
  const stepMs = STEPS_MS.find((step) => step >= leastMs) ?? STEPS_MS.at(-1)!;
  const beginMs = Math.ceil((firstMs + aheadMs) / stepMs) * stepMs - aheadMs;
  return Array.from({ length: Math.floor((lastMs - beginMs) / stepMs) + 1 }, (_, nth) => beginMs + nth * stepMs);
}

/** Of days, the last one and those before it in equal steps, about `count` of them at most. */
export function dayTicks(days: readonly number[], count: number): number[] {
  const least = days.length / Math.max(1, count);
  const step = [1, 2, 5, 7, 14].find((size) => size >= least) ?? 30;
  return days.filter((_, nth) => (days.length - 1 - nth) % step === 0);
}

/** A line through the values, and the area below it. Neither crosses a gap; a value between two gaps is a dot. */
export function linePaths(xs: readonly number[], values: Values, y: Scale): { line: string; area: string } {
  const base = px(y(0));
  let line = '';
  let area = '';
  for (let from = 0; from < values.length; from += 1) {
    const points: string[] = [];
    let at = from;
    for (let value = values[at]; typeof value === 'number'; value = values[at]) {
      points.push(`${px(xs[at]!)},${px(y(value))}`);
      at += 1;
    }
    if (points.length === 0) continue;
    line += `M${points.join('L')}${points.length === 1 ? 'h0' : ''}`;
    area += `M${px(xs[from]!)},${base}L${points.join('L')}V${base}Z`;
    from = at;
  }
  return { line, area };
}

/** Bars from the base up, with round shoulders. */
export function barsPath(xs: readonly number[], values: Values, y: Scale, width: number): string {
  const base = y(0);
  const bars = values.map((value, at) => {
    const height = base - y(value ?? 0);
    if (height <= 0) return '';
    const round = Math.min(width * 0.15, height);
    const [left, right, top] = [xs[at]! - width / 2, xs[at]! + width / 2, base - height].map(px) as [
      number,
      number,
      number,
    ];
    return (
      `M${left},${px(base)}V${px(top + round)}Q${left},${top},${px(left + round)},${top}` +
      `H${px(right - round)}Q${right},${top},${right},${px(top + round)}V${px(base)}Z`
    );
  });
  return bars.join('');
}

/** Of places from left to right, the one nearest to a pixel. */
export function nearest(xs: readonly number[], pixel: number): number | undefined {
  const after = xs.findIndex((x) => x >= pixel);
  if (after < 0) return xs.length === 0 ? undefined : xs.length - 1;
  return after > 0 && pixel - xs[after - 1]! < xs[after]! - pixel ? after - 1 : after;
}

const px = (pixels: number): number => Math.round(pixels * 10) / 10;
