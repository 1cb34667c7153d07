/** What a section measured: rows of named figures, printed as a table beside the test results. */
export function printFigures(title: string, rows: readonly Readonly<Record<string, number | string>>[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const cells = [columns, ...rows.map((row) => columns.map((column) => textOf(row[column]!)))];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]!.length)));
  const lines = cells.map((line) => line.map((cell, at) => cell.padStart(widths[at]!)).join('  '));
  console.log(`\n${title}\n${lines.join('\n')}\n`);
}

function textOf(figure: number | string): string {
  if (typeof figure === 'string') return figure;
  return Number.isInteger(figure) ? String(figure) : figure.toFixed(1);
}
