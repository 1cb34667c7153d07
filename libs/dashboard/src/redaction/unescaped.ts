import type { WorkSlices } from '../slices/work-slices.js';

/** Characters between two looks at whether the turn is over. */
const PIECE = 16_384;
/** An escape takes as long as so many characters. */
const PER_ESCAPE = 16;

/** A text in which escapes are replaced by what they stand for, and where its characters are in the text itself. */
export class Unescaped {
  /** @param ends of each escape behind it, here and there */
  private constructor(
    readonly text: string,
    private readonly endsHere: readonly number[] = [],
    private readonly endsThere: readonly number[] = [],
  ) {}

  /**
   * Those of units in hexadecimal, and of slashes, after any number of backslashes: JSON in a string of JSON has two. No others
   * can be told from a backslash before a word.
   */
  static async of(text: string, slices: WorkSlices): Promise<Unescaped> {
    if (!text.includes('\\')) return new Unescaped(text);
    const escapes = /(?<!\\)\\+(?:u([0-9a-f]{4})|\/)/gi;
    const endsHere: number[] = [];
    const endsThere: number[] = [];
    let whole = '';
    let parts: string[] = [];
    let copied = 0;
    let length = 0;
    let work = 0;
    for (let match = escapes.exec(text); match; match = escapes.exec(text)) {
      const { index, 1: hex } = match;
      parts.push(text.slice(copied, index), hex === undefined ? '/' : String.fromCharCode(Number.parseInt(hex, 16)));
      length += index - copied + 1;
      work += escapes.lastIndex - copied + PER_ESCAPE;
      copied = escapes.lastIndex;
      endsHere.push(length);
      endsThere.push(copied);
      if (work < PIECE) continue;
      whole += parts.join('');
      parts = [];
      await slices.take(work);
      work = 0;
    }
    return new Unescaped(whole + parts.join('') + text.slice(copied), endsHere, endsThere);
  }

  /** Where a place is in the text itself. */
  placeIn(here: number): number {
    const before = countUpTo(here, this.endsHere);
    return before === 0 ? here : this.endsThere[before - 1]! + here - this.endsHere[before - 1]!;
  }

  /** Where a place of the text itself is; of one within an escape, that of its character. */
  placeOf(there: number): number {
    const before = countUpTo(there, this.endsThere);
    const here = before === 0 ? there : this.endsHere[before - 1]! + there - this.endsThere[before - 1]!;
    return Math.min(here, (this.endsHere[before] ?? Infinity) - 1);
  }
}

/** How many of the numbers, which grow, are not above the limit. */
function countUpTo(limit: number, numbers: readonly number[]): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
