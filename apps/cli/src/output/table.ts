import Table from 'cli-table3';
import { oneLine } from './cells.js';

const NO_FRAME = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
};

/**
 * A table as asynq prints it: a line of titles, a line of dashes under them, two blanks between the columns.
 * @param dashes how many under each title; by default as many as the title is long
 */
export function table(
  titles: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  dashes?: number,
): string {
  const printed = new Table({
    chars: NO_FRAME,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  printed.push(
    [...titles],
    titles.map((title) => '-'.repeat(dashes ?? lengthOf(title))),
  );
  printed.push(...rows.map((row) => row.map((cell) => oneLine(String(cell)))));
  const lines = printed.toString().split('\n');
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** Characters, as Go counts them. */
export function lengthOf(text: string | number): number {
  return Array.from(String(text)).length;
}

/** Order of code points, as Go sorts. */
export function compareText(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
