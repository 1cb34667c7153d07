import { cpus } from 'node:os';
import { execFileSync } from 'node:child_process';
import type { Contender, ContenderId } from '../contenders/contender.js';
import type { Figure, Measure } from '../figures/figure.js';
import { MOST_OTHERS_CORES } from '../stand/others-load.js';
import { type Result, resultName, type Results } from './results.js';
import { TARGET_COLUMNS, targetRows } from './targets.js';

const BEGIN = '<!-- npm run bench writes from here -->';
const END = '<!-- to here -->';
export const EMPTY_PAGE = `${BEGIN}\n${END}\n`;

const RIVALS = [
  ['vsBullmq', 'BullMQ'],
  ['vsAsynq', 'asynq'],
  ['vsGraphile', 'graphile-worker'],
  ['vsLimit', 'the bare commands'],
] as const;

export interface PageInput {
  readonly figures: readonly Figure[];
  readonly contenders: readonly Contender[];
  readonly results: Results;
  /** Paths of the plots from the page, with their captions. */
  readonly plots: readonly { readonly file: string; readonly title: string }[];
}

/** Replaces the generated part of a page. @throws {Error} the page lacks the marks of that part */
export function renewPage(page: string, generated: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`the page lacks "${BEGIN}" or "${END}"`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${generated}\n\n${page.slice(to)}`;
}

/** The generated part of `docs/benchmarks.md`. */
export function benchmarksSection({ figures, contenders, results, plots }: PageInput): string {
  const measured = figures.filter(({ name }) => name in results);
  return [
    machine(),
    '### Targets',
    table(TARGET_COLUMNS, targetRows(results)),
    '### Contenders',
    settings(contenders, measured),
    ...plots.map(({ file, title }) => `![${title}](${file})`),
    ...measured.map((figure) => section(figure, contenders, results)),
  ].join('\n\n');
}

function machine(): string {
  const [cpu] = cpus();
  const redis = /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1];
  return (
    `${cpus().length} cores (${cpu!.model.trim()}), Node ${process.versions.node}, Redis ${redis} without persistence, all on one machine. ` +
    `Figures are published only if the rest of the machine uses less than ${MOST_OTHERS_CORES} of a core.`
  );
}

function settings(contenders: readonly Contender[], figures: readonly Figure[]): string {
  const present = contenders.filter(({ id }) => figures.some((figure) => figure.contenders.includes(id)));
  return table(
    ['', 'settings'],
    present.map(({ title, settings }) => [title, settings]),
  );
}

function section(figure: Figure, contenders: readonly Contender[], results: Results): string {
  const columns = figure.measures.map((measure) => ({ measure, result: resultOf(figure, measure, results) }));
  const main = columns[0]!.result;
  const titles = new Map(contenders.map(({ id, title }): [ContenderId, string] => [id, title]));
  const rows = figure.contenders
    .filter((id) => main.contenders[id])
    .map((id) => [titles.get(id) ?? id, ...columns.map(({ result }) => spreadText(result, id))]);
  const ratios = RIVALS.filter(([key]) => main[key] !== undefined).map(([key, name]) => [
    `ours / ${name}`,
    ...columns.map(({ result }) => ratioText(result[key])),
  ]);
  return [
    `### ${figure.title}`,
    figure.how,
    table(['', ...columns.map(({ measure }) => measure.title)], [...rows, ...ratios]),
    `\`npm run bench -- --only ${figure.name}\`: ${main.measuredOn}, ${main.rounds} rounds; other processes used ${main.othersCores.toFixed(2)} of a core, in the worst turn ${main.othersCoresHighest.toFixed(2)}.`,
  ].join('\n\n');
}

function resultOf({ name, measures }: Figure, { key }: Measure, results: Results): Result {
  return results[resultName(name, measures, key)]!;
}

function spreadText({ contenders }: Result, id: ContenderId): string {
  const spread = contenders[id];
  if (!spread) return '';
  const text = (value: number): string => value.toLocaleString('en');
  return `${text(spread.median)} (${text(spread.low)} to ${text(spread.high)})`;
}

function ratioText(ratio: number | undefined): string {
  return ratio === undefined ? '' : `**${ratio} x**`;
}

export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
