import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { Contender } from '../contenders/contender.js';
import type { Figure } from '../figures/figure.js';
import { benchmarksSection, EMPTY_PAGE, renewPage } from './page.js';
import { drawPlot, PLOTS } from './plots.js';
import { resultName, type Results } from './results.js';
import { scalingSection } from './scaling-page.js';

const PLOT_FOLDER = 'benchmarks';

export interface PublicationOptions {
  /** The folder of the published files. */
  readonly docs: string;
  /** Folder of the program that draws. */
  readonly external: string;
  readonly figures: readonly Figure[];
  readonly contenders: readonly Contender[];
}

/** `docs/benchmarks.json`, and the pages and plots generated from it. */
export class Publication {
  private readonly json: string;

  constructor(private readonly options: PublicationOptions) {
    this.json = join(options.docs, 'benchmarks.json');
  }

  /** Writes new results; those of other figures stay. */
  async add(results: Results): Promise<void> {
    mkdirSync(join(this.options.docs, PLOT_FOLDER), { recursive: true });
    const all = inOrder({ ...this.read(), ...results }, this.options.figures);
    await this.write(this.json, JSON.stringify(all));
    const { figures, contenders } = this.options;
    await this.renew('benchmarks.md', benchmarksSection({ figures, contenders, results: all, plots: this.draw(all) }));
    const scaling = scalingSection(all);
    if (scaling !== undefined) await this.renew('scaling.md', scaling);
  }

  private read(): Results {
    return existsSync(this.json) ? (JSON.parse(readFileSync(this.json, 'utf8')) as Results) : {};
  }

  private draw(results: Results): { file: string; title: string }[] {
    const { contenders, docs, external } = this.options;
    return PLOTS.flatMap((plot) => {
      const svg = drawPlot(plot, contenders, results, external);
      const file = `${PLOT_FOLDER}/${plot.file}`;
      if (svg === undefined) return [];
      writeFileSync(join(docs, file), svg);
      return [{ file, title: plot.title }];
    });
  }

  private async renew(name: string, generated: string): Promise<void> {
    const page = join(this.options.docs, name);
    const old = existsSync(page) ? readFileSync(page, 'utf8') : EMPTY_PAGE;
    await this.write(page, renewPage(old, generated));
  }

  private async write(file: string, text: string): Promise<void> {
    writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
  }
}

/** In the order of the figures, so that a new run of one only changes its lines. */
function inOrder(results: Results, figures: readonly Figure[]): Results {
  const names = figures.flatMap(({ name, measures }) => measures.map(({ key }) => resultName(name, measures, key)));
  return Object.fromEntries(names.flatMap((name) => (results[name] ? [[name, results[name]]] : [])));
}
