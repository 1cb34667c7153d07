import { oneLine } from '../output/cells.js';

/** Characters that terminals draw two cells wide: Chinese, Japanese, Korean, full-width forms, emoji. */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{1F000}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;
/** Characters drawn over the previous one. */
const MARK = /\p{M}/u;

/** Text cut to a number of terminal cells; a cut shows as `…`. */
export function clip(text: string, width: number): string {
  let cells = 0;
  let index = 0;
  /** Where the text is cut if it turns out too long: there is room for the `…`. */
  let end = 0;
  for (const char of text) {
    cells += WIDE.test(char) ? 2 : MARK.test(char) ? 0 : 1;
    if (cells > width) return `${text.slice(0, end)}…`;
    index += char.length;
    if (cells < width) end = index;
  }
  return text;
}

/** Maximum number of bytes of a character in UTF-8. */
const CHAR_BYTES = 4;

/** Payload or result on one line, cut to a number of cells and escaped; the number of bytes if it is not text. */
export function preview(bytes: Uint8Array, width: number): string {
  // Decodes no more than is visible: a payload may be megabytes.
  const head = bytes.subarray(0, CHAR_BYTES * (width + 1));
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return clip(oneLine(decoder.decode(head, { stream: head.length < bytes.length })), width);
  } catch {
    return `not text, ${bytesOf(bytes.length)}`;
  }
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A number of bytes in readable form: `512 B`, `1.5 MB`; `-` if unknown. */
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
