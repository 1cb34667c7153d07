import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Contender } from '../contenders/contender.js';
import { CONCURRENCIES } from '../figures/handle.js';
import type { Results } from './results.js';

export interface Plot {
  readonly file: string;
  readonly title: string;
  readonly unit: string;
  /** Suffix of the name of a `handle` figure. */
  readonly suffix: string;
}

export const PLOTS: readonly Plot[] = [
  { file: 'rate.svg', title: 'Tasks handled per second', unit: 'tasks/s', suffix: '' },
  { file: 'worker-cpu.svg', title: 'CPU of the worker per task', unit: 'us', suffix: '-worker-cpu' },
  { file: 'store-cpu.svg', title: 'CPU of Redis or PostgreSQL per task', unit: 'us', suffix: '-store-cpu' },
];

const SIZE = { width: 720, height: 400 };

/** The SVG of a plot over the concurrency; `undefined` until all of its figures exist. */
export function drawPlot(
  { title, unit, suffix }: Plot,
  contenders: readonly Contender[],
  results: Results,
  external: string,
): string | undefined {
  const all = CONCURRENCIES.map((concurrency) => results[`handle-${concurrency}${suffix}`]);
  if (all.includes(undefined)) return undefined;
  const series = contenders
    .filter(({ id }) => all.some((result) => result!.contenders[id]))
    .map(({ id, title }) => ({
      name: title,
      type: 'line',
      data: all.map((result) => result!.contenders[id]?.median),
    }));
  const option = {
    title: { text: title },
    legend: { bottom: 0, left: 60, right: 20, itemGap: 40 },
    grid: { top: 70, left: 70, bottom: 110 },
    xAxis: { type: 'category', name: 'concurrency', nameLocation: 'middle', nameGap: 28, data: CONCURRENCIES },
    yAxis: { type: 'log', name: unit },
    series,
  };
  return execFileSync(process.execPath, [join(external, 'dist/external/chart.js')], {
    input: JSON.stringify({ ...SIZE, option }),
    encoding: 'utf8',
  });
}
