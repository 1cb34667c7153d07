import type { WorkSlices } from '../slices/work-slices.js';
import { HIDDEN } from './redacted-fields.js';
import { Unescaped } from './unescaped.js';

/** What follows a name and its sign: a string, one in a string, the begin of a list or an object, a word. */
const VALUE =
  /"[^"\\]*(?:\\[^][^"\\]*)*"?|\\"(?:[^"\\]|\\[^"])*(?:\\")?|\\+u0022(?:(?!\\u0022)[^"])*(?:\\u0022)?|'[^']*'?|[[{]|\\?[^\s,;&"'}\])\\]+/iy;

/** Characters of a list or an object that are looked at between two looks at whether the turn is over. */
const PIECE = 16_384;
/** A field takes as long as so many characters. */
const PER_FIELD = 16;

/** Fields in a text without a structure that can be relied on: `password=…`, `"password": "…"`, `password: …`. */
export class LooseFields {
  private readonly pattern: RegExp;

  /** @param names in lower case, at least one */
  constructor(names: readonly string[]) {
    const patterns = names.map((name) =>
      name.replaceAll(/[$()*+.?[\\\]^{|}/]/g, String.raw`\$&`).replaceAll('i\u0307', '(?:i\u0307|\u0130)'),
    );
    this.pattern = new RegExp(String.raw`(?<!\w)(?:${patterns.join('|')})(?!\w)\\?["']?\s*[:=]\s*`, 'giu');
  }

  /**
   * Hides the values of the fields. Names are compared as they read, whatever is written with escapes; the values are those of the
   * text as it is, since an escaped quote ends no string.
   * @param found gets what was hidden
   */
  async hide(text: string, slices: WorkSlices, found: string[]): Promise<string> {
    const names = await Unescaped.of(text, slices);
    const parts: string[] = [];
    let copied = 0;
    const fields = new RegExp(this.pattern); // its place is its own, since others search meanwhile
    const value = new RegExp(VALUE);
    for (let match = fields.exec(names.text); match; match = fields.exec(names.text)) {
      const from = names.placeIn(fields.lastIndex);
      if (from < copied) continue;
      value.lastIndex = from;
      if (!value.test(text)) continue;
      let end = value.lastIndex;
      const begin = text[from];
      if (begin === '{' || begin === '[') end = await endOfNested(text, from, slices);
      else await slices.take(end - copied + PER_FIELD);
      found.push(text.slice(from, end));
      parts.push(text.slice(copied, from), HIDDEN);
      copied = end;
      fields.lastIndex = names.placeOf(end);
    }
    return parts.join('') + text.slice(copied);
  }
}

/** Behind the list or the object that begins there; of one that does not end, the end of the text. */
async function endOfNested(text: string, from: number, slices: WorkSlices): Promise<number> {
  const marks = /[[\]{}]|"[^"\\]*(?:\\[^][^"\\]*)*"?/g;
  marks.lastIndex = from;
  let depth = 0;
  let taken = from;
  for (let mark = marks.exec(text); mark; mark = marks.exec(text)) {
    if (mark[0] === '{' || mark[0] === '[') depth += 1;
    else if (!mark[0].startsWith('"') && --depth === 0) return marks.lastIndex;
    if (marks.lastIndex - taken < PIECE) continue;
    await slices.take(marks.lastIndex - taken);
    taken = marks.lastIndex;
  }
  return text.length;
}
