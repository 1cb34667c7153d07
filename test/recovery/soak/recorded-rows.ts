import { readFile, writeFile } from 'node:fs/promises';
import { ENTRIES } from './catalog.js';
import { CONTENDERS } from './contenders/index.js';
import type { TrialResult } from './trial.js';

const FILE = new URL('recorded-rows.json', import.meta.url);

/** What a run measured of a contender in a scenario; its JSON. Lists are their lengths, times whole. */
export interface Row {
  readonly key: string;
  readonly contender: string;
  readonly seed: number;
  /** Day of the run. */
  readonly on: string;
  readonly faults: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly lost: number;
  readonly evicted: number;
  readonly queued: number;
  readonly repeated: number;
  readonly causes: TrialResult['causes'];
  /** `null`: no fault hit a task. */
  readonly recoveryP50Ms: number | null;
  readonly recoveryP99Ms: number | null;
  readonly logLinesPerWorker: number;
  readonly mostLogLines: number;
  /** `null`: Redis was never away. */
  readonly cpuPercent: number | null;
  readonly isStuck: boolean;
  /** How long the run took, servers and all; missing in older rows. */
  readonly tookS?: number;
}

export function rowOf(key: string, contender: string, seed: number, result: TrialResult, tookMs: number): Row {
  const { faults, acknowledged, refused, evicted, repeated, causes, mostLogLines, isStuck } = result;
  return {
    key,
    contender,
    seed,
    on: new Date().toISOString().slice(0, 10),
    faults,
    acknowledged,
    refused,
    lost: result.lost.length,
    evicted,
    queued: result.queued.length,
    repeated,
    causes,
    recoveryP50Ms: whole(result.recoveryP50Ms),
    recoveryP99Ms: whole(result.recoveryP99Ms),
    logLinesPerWorker: Math.round(result.logLinesPerWorker * 10) / 10,
    mostLogLines,
    cpuPercent: whole(result.cpuPercent ?? NaN),
    isStuck,
    tookS: Math.round(tookMs / 1_000),
  };
}

const whole = (figure: number): number | null => (Number.isNaN(figure) ? null : Math.round(figure));

export async function recordedRows(): Promise<Row[]> {
  return JSON.parse(await readFile(FILE, 'utf8')) as Row[];
}

/** Puts a row in the place of the earlier one, and returns all, in the order of the catalog. */
export async function record(row: Row): Promise<Row[]> {
  const recorded = await recordedRows();
  const isEarlier = ({ key, contender }: Row): boolean => key === row.key && contender === row.contender;
  const rows = [...recorded.filter((other) => !isEarlier(other)), row];
  const ordered = ENTRIES.flatMap(({ key }) =>
    CONTENDERS.flatMap(({ name }) => rows.filter((each) => each.key === key && each.contender === name)),
  );
  await writeFile(FILE, `${JSON.stringify(ordered, undefined, 2)}\n`);
  return ordered;
}
