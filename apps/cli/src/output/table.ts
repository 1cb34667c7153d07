import { oneLine } from './cells.js';
import { clip, widthOf } from './width.js';

const GAP = '  ';
/** A column that is cut keeps this many cells. */
const LEAST_WIDTH = 8;

/** How a table is laid out. */
interface TableLayout {
  /** Dashes under each title. Default: as many as the title is long. */
  readonly dashes?: number | undefined;
  /** Cells of a line: wider columns are cut, the widest first. Default: no limit. */
  readonly width?: number | undefined;
}

type Row = readonly (string | number)[];

/** A table as asynq prints it: a line of titles, a line of dashes under them, two blanks between the columns. */
export function table(titles: readonly string[], rows: readonly Row[], layout: TableLayout = {}): string {
  return new TableWriter(titles, layout).add(rows);
}

/** Writes a table in parts: the columns are as wide as the first part needs, and grow with later ones. */
export class TableWriter {
  readonly #heads: readonly string[];
  readonly #dashes: readonly string[];
  readonly #width: number | undefined;
  #widths: number[] | undefined;

  constructor(titles: readonly string[], { dashes, width }: TableLayout = {}) {
    this.#width = width;
    this.#heads = titles.map((title) => this.#shown(title));
    this.#dashes = this.#heads.map((head) => '-'.repeat(dashes ?? lengthOf(head)));
  }

  /** The lines of these rows, below the titles if they are the first. */
  add(rows: readonly Row[]): string {
    const lines: (readonly string[])[] = rows.map((row) => row.map((cell) => this.#shown(cell)));
    if (!this.#widths) lines.unshift(this.#heads, this.#dashes);
    const widths = (this.#widths = widthsOf(lines, this.#widths));
    if (this.#width !== undefined) shrink(widths, this.#width);
    return lines.map((cells) => lineOf(cells, widths)).join('\n');
  }

  /** No more of a cell is escaped than can be seen: a payload may be megabytes. */
  #shown(cell: string | number): string {
    if (typeof cell === 'number') return String(cell);
    return oneLine(this.#width === undefined ? cell : cell.slice(0, this.#width + 1));
  }
}

function lineOf(cells: readonly string[], widths: readonly number[]): string {
  let line = '';
  for (const [column, cell] of cells.entries()) {
    const own = widthOf(cell);
    const room = widths[column]!;
    line += own > room ? clip(cell, room) : cell;
    if (column < cells.length - 1) line += ' '.repeat(Math.max(0, room - own)) + GAP;
  }
  return line.trimEnd();
}

function widthsOf(lines: readonly (readonly string[])[], before: readonly number[] = []): number[] {
  const widths = [...before];
  for (const cells of lines) {
    for (const [column, cell] of cells.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  return widths;
}

/** Makes the widest columns narrower until the line fits. */
function shrink(widths: number[], width: number): void {
  const total = (): number => widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1);
  for (let over = total() - width; over > 0; over = total() - width) {
    const widest = Math.max(...widths);
    if (widest <= LEAST_WIDTH) return;
    const next = Math.max(LEAST_WIDTH, ...widths.filter((one) => one < widest));
    const columns = widths.flatMap((one, column) => (one === widest ? [column] : []));
    const least = Math.max(next, widest - Math.ceil(over / columns.length));
    for (const column of columns) widths[column] = least;
  }
}

/** Characters, as Go counts them. */
export function lengthOf(text: string | number): number {
  return Array.from(String(text)).length;
}

/** Order of code points, as Go sorts. */
export function compareText(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
