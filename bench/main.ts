import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findContenders } from './contenders/all.js';
import type { Contender } from './contenders/contender.js';
import { FIGURES } from './figures/all.js';
import type { Figure } from './figures/figure.js';
import { Publication } from './report/publication.js';
import { resultsOf } from './report/results.js';
import { type FigureRun, runFigure } from './run-figure.js';
import { MOST_OTHERS_CORES } from './stand/others-load.js';
import { prepareTools } from './tools.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const LEAST_ROUNDS = 5;
const FULL_SCALE = 1;

const USAGE = `npm run bench -- [options]

  --only NAME       a figure, or a family of them such as handle or payload-10kB; may be repeated
  --contender NAME  may be repeated; default all
  --rounds N        default ${LEAST_ROUNDS}
  --scale N         share of the tasks of a full run; default ${FULL_SCALE}
  --draft FOLDER    write there what was measured, whatever it was worth
  --list            names of figures and contenders

Each figure is written to docs/benchmarks.json, docs/benchmarks.md and docs/benchmarks/*.svg when it is done, and those of
scaling and redis-memory to docs/scaling.md, if all contenders ran ${LEAST_ROUNDS} rounds or more at full scale, and others used no more than ${MOST_OTHERS_CORES} of a core meanwhile.`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    contender: { type: 'string', multiple: true },
    rounds: { type: 'string', default: String(LEAST_ROUNDS) },
    scale: { type: 'string', default: String(FULL_SCALE) },
    draft: { type: 'string' },
    list: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

async function main(): Promise<void> {
  const tools = prepareTools(ROOT);
  const all = findContenders(tools);
  if (values.list) {
    printNames(all);
    return;
  }
  const contenders = all.filter(({ id }) => values.contender?.includes(id) ?? true);
  const figures = chosenFigures().filter((figure) => contenders.some(({ id }) => figure.contenders.includes(id)));
  const [rounds, scale] = [Number(values.rounds), Number(values.scale)];
  if (figures.length === 0 || contenders.length === 0 || !(rounds >= 1) || !(scale > 0)) throw new Error(USAGE);

  const isFull = rounds >= LEAST_ROUNDS && scale === FULL_SCALE && contenders.length === all.length;
  const publication = new Publication({
    docs: values.draft ?? join(ROOT, 'docs'),
    external: tools.external,
    figures: FIGURES,
    contenders: all,
  });
  for (const figure of figures) {
    console.log(`\n${figure.name}: ${figure.title}`);
    try {
      const run = await runFigure(figure, { contenders, rounds, scale, postgres: tools.postgres, log: console.log });
      const isFit = isQuiet(run) && isFull;
      if (isFit || values.draft !== undefined) await publication.add(resultsOf(run, today()));
    } catch (error) {
      console.error(error);
      process.exitCode = 1;
    }
  }
}

function chosenFigures(): readonly Figure[] {
  const { only } = values;
  if (only === undefined) return FIGURES;
  return only.flatMap((chosen) => {
    const exact = FIGURES.filter(({ name }) => name === chosen);
    return exact.length > 0 ? exact : FIGURES.filter(({ name }) => name.startsWith(`${chosen}-`));
  });
}

/** Prints the load of other processes; if it was too high, the run ends with an error. */
function isQuiet({ others, figure }: FigureRun): boolean {
  const load = `other processes used ${others.meanCores.toFixed(2)} of a core, in the worst turn ${others.highestCores.toFixed(2)}`;
  const quiet = others.meanCores <= MOST_OTHERS_CORES;
  console.log(quiet ? `  ${load}` : `  ${load}: too much for ${figure.name} to be published`);
  if (!quiet) process.exitCode = 1;
  return quiet;
}

function printNames(contenders: readonly Contender[]): void {
  for (const { name, title } of FIGURES) console.log(name.padEnd(24), title);
  console.log();
  for (const { id, title } of contenders) console.log(id.padEnd(24), title);
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

if (values.help) console.log(USAGE);
else await main();
