import { bytesOf } from '../output/bytes.js';
import { oneLine } from '../output/cells.js';
import { clip } from '../output/width.js';

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

/** Cells of a bar for each count, where `largest` fills `width`. A count that is not 0 gets at least one. */
export function barParts(counts: readonly number[], largest: number, width: number): number[] {
  const least = counts.filter((count) => count > 0).length;
  const free = Math.max(0, width - least);
  return counts.map((count) => (count === 0 ? 0 : 1 + Math.floor((count / largest) * free)));
}
