import { describe, expect, it } from 'vitest';
import { COMPARED, ENTRIES } from './catalog.js';
import { contenderNamed } from './contenders/index.js';
import { ours } from './contenders/ours.js';
import { printFigures } from './figures.js';
import { NO_CAUSE } from './ledger.js';
import { record, recordedRows, type Row, rowOf } from './recorded-rows.js';
import { figuresOf, writePage } from './reliability-page.js';
import { SeededRandom } from './seeded-random.js';
import { type Scenario, type Stage, Trial } from './trial.js';

/**
 * Options: `SOAK_SEED` repeats a run's faults in their order, `SOAK_SCENARIO` names the rows to be run by their keys,
 * `SOAK_FAULTS` is the number of faults of each, `SOAK_MINUTES` the time for each schedule drawn at random,
 * `SOAK_CONTENDER` names another task queue, which is measured and not judged, `SOAK_TOTAL_MINUTES` is the time after which no
 * further row is begun.
 */
const SEED = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000);
const FAULTS = process.env['SOAK_FAULTS'];
const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 1);
const TOTAL_MINUTES = Number(process.env['SOAK_TOTAL_MINUTES'] ?? 60);
const CONTENDER = contenderNamed(process.env['SOAK_CONTENDER'] ?? ours.name);
const CHOSEN = process.env['SOAK_SCENARIO']?.split(',');
/** Of a fault of which no run was timed. */
const UNKNOWN_FAULT_S = 6;
/** To open a stage and to drain it. */
const STAGE_S = 15;
/** Beside the time of a schedule. */
const PATIENCE_MS = 1_200_000;

const chosen = ENTRIES.filter(({ key }) => CHOSEN?.includes(key) ?? (CONTENDER === ours || COMPARED.includes(key)));

const missing = CONTENDER.prepare();
if (missing !== undefined) console.warn(`${CONTENDER.name} is skipped: ${missing}.`);

const endsAtMs = Date.now() + TOTAL_MINUTES * 60_000;
const recorded = await recordedRows();
printExpected();

describe.skipIf(missing !== undefined)(`recovery of ${CONTENDER.name}, seed ${SEED}`, () => {
  it.for(chosen)(
    '$key: $name',
    { timeout: PATIENCE_MS + MINUTES * 60_000 },
    async ({ key, name, open, scenarios, faults }, { skip }) => {
      const startedAtMs = Date.now();
      skip(startedAtMs > endsAtMs, `${TOTAL_MINUTES} minutes are over`);
      await using stage = await open();
      const schedule =
        faults === undefined
          ? draw(scenarios, Date.now() + MINUTES * 60_000)
          : Array.from({ length: Number(FAULTS ?? faults) }, () => scenarios[0]!);

      const result = await Trial.run({ contender: CONTENDER, stage, faults: schedule, seed: SEED });

      const row = rowOf(key, CONTENDER.name, SEED, result, Date.now() - startedAtMs);
      printFigures(`${key}: ${name}, seed ${SEED}`, [figuresOf(row)]);
      await writePage(await record(row));
      if (CONTENDER !== ours) return;
      if (result.unexplained.length > 0) console.log(JSON.stringify(result.unexplained, undefined, 1));
      expect(result.lost.slice(result.evicted)).toEqual([]);
      expect(result.queued.filter((id) => !id.includes('/poison/'))).toEqual([]);
      expect(result).toMatchObject({ isDrained: true, isStuck: false });
      expect(result.early).toBe(0);
      expect(result.causes).not.toHaveProperty(NO_CAUSE);
    },
  );
});

/** How long each row will take. */
function printExpected(): void {
  const expected = chosen.map(({ key, faults }) => {
    const row = recorded.find((each) => each.key === key && each.contender === CONTENDER.name);
    const count = faults === undefined ? undefined : Number(FAULTS ?? faults);
    const [seconds, by] = expectedOf(row, count);
    return { key, faults: count ?? 'drawn', 'expected, s': seconds, by };
  });
  const totalS = expected.reduce((sum, each) => sum + each['expected, s'], 0);
  printFigures(`about ${Math.ceil(totalS / 60)} min; no row is begun after ${TOTAL_MINUTES} min`, expected);
}

function expectedOf(row: Row | undefined, count: number | undefined): readonly [seconds: number, by: string] {
  if (count === undefined) return [MINUTES * 60 + STAGE_S, 'SOAK_MINUTES'];
  if (row?.tookS === undefined) return [STAGE_S + count * UNKNOWN_FAULT_S, 'guess'];
  return [Math.round((row.tookS * count) / Math.max(row.faults, 1)), 'last run'];
}

/** As the seed has it, until the time is over. */
function* draw(scenarios: readonly Scenario<Stage>[], untilMs: number): Iterable<Scenario<Stage>> {
  const random = new SeededRandom(SEED);
  while (Date.now() < untilMs) yield random.pick(scenarios);
}
