/** Text of at most so many characters; what is cut off shows as `…`. */
export function clip(text: string, length: number): string {
  // Enough of it for `length` characters of two units each; a payload may be megabytes.
  const chars = Array.from(text.slice(0, 2 * length + 2));
  return chars.length <= length ? text : `${chars.slice(0, length - 1).join('')}…`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A number of bytes as people read it: `512 B`, `1.5 MB`; `-` when nobody knows. */
export function bytesOf(bytes: number | undefined): string {
  if (bytes === undefined) return '-';
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const amount = bytes / 1_000 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${UNITS[power]}`;
}

/** Cells of a bar for each count, where `largest` fills `width`. A count that is not 0 gets at least one. */
export function barParts(counts: readonly number[], largest: number, width: number): number[] {
  const least = counts.filter((count) => count > 0).length;
  const free = Math.max(0, width - least);
  return counts.map((count) => (count === 0 ? 0 : 1 + Math.floor((count / largest) * free)));
}
