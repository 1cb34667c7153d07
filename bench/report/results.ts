import type { Contender, ContenderId, Team } from '../contenders/contender.js';
import type { Measure } from '../figures/figure.js';
import type { FigureRun } from '../run-figure.js';

/** One measure of a figure in `docs/benchmarks.json`. Numbers are medians over the rounds. */
export interface Result {
  readonly title: string;
  readonly unit: string;
  readonly better: Measure['better'];
  readonly ours?: number;
  readonly bullmq?: number;
  /** Of one server or of four in the process, whichever is better. */
  readonly asynq?: number;
  readonly graphile?: number;
  readonly limit?: number;
  /** Medians of the ratios of each round: ours divided by theirs. */
  readonly vsBullmq?: number;
  readonly vsAsynq?: number;
  readonly vsGraphile?: number;
  readonly vsLimit?: number;
  readonly contenders: Readonly<Partial<Record<ContenderId, Spread>>>;
  readonly rounds: number;
  /** Cores used by the rest of the machine during the run: mean, and in the worst turn. */
  readonly othersCores: number;
  readonly othersCoresHighest: number;
  readonly measuredOn: string;
}

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export type Results = Readonly<Record<string, Result>>;

/** The key of a measure in the results. */
export function resultName(figure: string, measures: readonly Measure[], key: string): string {
  return key === measures[0]!.key ? figure : `${figure}-${key}`;
}

/** Results of a run, a key for each measure. */
export function resultsOf(run: FigureRun, day: string): Results {
  const { figure, others } = run;
  const entries = figure.measures.map((measure): [string, Result] => {
    const samples = samplesOf(run, measure);
    const best = bestOfTeams(samples, measure);
    return [
      resultName(figure.name, figure.measures, measure.key),
      {
        title: figure.title,
        unit: measure.title,
        better: measure.better,
        ...Object.fromEntries([...best].map(([team, values]) => [team, rounded(median(values))])),
        ...ratios(best),
        contenders: Object.fromEntries([...samples].map(([{ id }, values]) => [id, spread(values)])),
        rounds: Math.min(...[...samples.values()].map((values) => values.length)),
        othersCores: rounded(others.meanCores),
        othersCoresHighest: rounded(others.highestCores),
        measuredOn: day,
      },
    ];
  });
  return Object.fromEntries(entries);
}

function samplesOf({ samples }: FigureRun, { key }: Measure): Map<Contender, number[]> {
  const measured = [...samples].map(([contender, all]): [Contender, number[]] => [
    contender,
    all.flatMap((sample) => sample[key] ?? []),
  ]);
  return new Map(measured.filter(([, values]) => values.length > 0));
}

function bestOfTeams(samples: ReadonlyMap<Contender, number[]>, { better }: Measure): Map<Team, number[]> {
  const best = new Map<Team, number[]>();
  for (const [{ team }, values] of samples) {
    const other = best.get(team);
    const isBetter = other && (better === 'more' ? median(values) > median(other) : median(values) < median(other));
    if (!other || isBetter) best.set(team, values);
  }
  return best;
}

function ratios(best: ReadonlyMap<Team, number[]>): Record<string, number> {
  const ours = best.get('ours');
  const theirs = [...best].filter(([team]) => team !== 'ours');
  if (!ours) return {};
  const named = theirs.map(([team, values]): [string, number] => {
    const perRound = ours.map((value, round) => value / values[round]!).filter(Number.isFinite);
    return [`vs${team[0]!.toUpperCase()}${team.slice(1)}`, rounded(median(perRound))];
  });
  return Object.fromEntries(named.filter(([, ratio]) => Number.isFinite(ratio)));
}

function spread(values: readonly number[]): Spread {
  return { median: rounded(median(values)), low: rounded(Math.min(...values)), high: rounded(Math.max(...values)) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

/** To three digits, or to whole numbers. */
function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
