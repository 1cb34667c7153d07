import { sortInSlices } from '../slices/sort-in-slices.js';
import { WorkSlices } from '../slices/work-slices.js';
import { redactJson, type RedactedText } from './json-text.js';
import { HIDDEN, RedactedFields } from './redacted-fields.js';

/** A hidden value that is shorter says nothing, and occurs everywhere: `1`, `true`. */
const SHORTEST_SECRET = 4;

/** Characters that are looked at one by one in one turn of the event loop. */
const MOST_PER_TURN = 131_072;
/** So many times as fast are methods of strings and decoders, which go through a whole text. */
const NATIVE_SPEED = 16;

/** Hides fields before anything of a task leaves the process, in slices: a payload may be long, and a page has many. */
export class Redactor {
  private readonly slices = new WorkSlices(MOST_PER_TURN);
  private readonly fields: RedactedFields;
  /** `password=…`, `"password": "…"`, `password: …` in a text without a structure. */
  private readonly inText: RegExp | undefined;
  /** A text without any of these has nothing to hide, and need not be parsed. `undefined`: any text may have. */
  private readonly signs: readonly string[] | undefined;

  constructor(patterns: readonly string[]) {
    this.fields = new RedactedFields(patterns);
    this.signs = signsOf(patterns);
    const names = this.fields.lastNames.map((name) => name.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
    this.inText =
      names.length === 0
        ? undefined
        : new RegExp(
            String.raw`(\b(?:${names.join('|')})\b\\?["']?\s*[:=]\s*)("[^"\\]*(?:\\[^][^"\\]*)*"?|\\"(?:[^"\\]|\\[^"])*(?:\\")?|'[^']*'?|[[{]|[^\s,;&"'}\])\\]+)`,
            'gi',
          );
  }

  /** Nothing is hidden. */
  get isIdle(): boolean {
    return this.fields.isEmpty;
  }

  hidesHeader(name: string): boolean {
    return this.fields.hides([name.toLowerCase()]);
  }

  /** To be awaited before so many characters, or bytes, go through methods of strings, or a decoder. */
  async turn(characters: number): Promise<void> {
    await this.slices.take(Math.ceil(characters / NATIVE_SPEED));
  }

  /** A payload or a result in UTF-8: fields of JSON, else what looks like one. */
  async text(text: string): Promise<RedactedText> {
    if (this.isIdle || !this.mayHide(text)) return { text, isRedacted: false, secrets: [] };
    return (await redactJson(text, this.fields, this.slices)) ?? this.loose(text);
  }

  /**
   * A text of the app: what looks like a hidden field, and the values that are hidden elsewhere in the task.
   * @param secrets of the payload and the headers
   */
  async loose(text: string, secrets: Iterable<string> = []): Promise<RedactedText> {
    if (this.inText === undefined || text === '') return { text, isRedacted: false, secrets: [] };
    const found: string[] = [];
    let redacted = this.mayHide(text) ? await this.hideFields(text, this.inText, found) : text;
    // A payload may hold tens of thousands of secrets, and few errors are long enough for any.
    const fitting = [...new Set(secrets)].filter(({ length }) => length >= SHORTEST_SECRET && length <= text.length);
    for (const secret of await sortInSlices(fitting, (a, b) => b.length - a.length, new WorkSlices())) {
      await this.turn(redacted.length);
      redacted = redacted.replaceAll(secret, HIDDEN);
    }
    return { text: redacted, isRedacted: redacted !== text, secrets: found };
  }

  private async hideFields(text: string, pattern: RegExp, found: string[]): Promise<string> {
    const parts: string[] = [];
    let copied = 0;
    const fields = new RegExp(pattern); // its place is its own, since others search meanwhile
    for (let match = fields.exec(text); match; match = fields.exec(text)) {
      const { 0: whole, 1: name = '', 2: value = '', index } = match;
      const from = index + name.length;
      const end = value === '{' || value === '[' ? endOfNested(text, from) : index + whole.length;
      await this.slices.take(end - copied);
      found.push(text.slice(from, end));
      parts.push(text.slice(copied, from), HIDDEN);
      copied = fields.lastIndex = end;
    }
    return parts.join('') + text.slice(copied);
  }

  private mayHide(text: string): boolean {
    if (this.signs === undefined) return true;
    const lower = text.toLowerCase();
    return this.signs.some((sign) => lower.includes(sign));
  }
}

/** Behind the list or the object that begins there; of one that does not end, the end of the text. */
function endOfNested(text: string, from: number): number {
  const marks = /[[\]{}]|"[^"\\]*(?:\\[^][^"\\]*)*"?/g;
  marks.lastIndex = from;
  let depth = 0;
  for (let mark = marks.exec(text); mark; mark = marks.exec(text)) {
    if (mark[0] === '{' || mark[0] === '[') depth += 1;
    else if (!mark[0].startsWith('"') && --depth === 0) return marks.lastIndex;
  }
  return text.length;
}

/** Names that a payload holds as they are, unless it writes them with escapes. */
function signsOf(patterns: readonly string[]): readonly string[] | undefined {
  const names = patterns.map((pattern) => pattern.toLowerCase().split('.').at(-1)!);
  return names.every((name) => /^[\w-]+$/.test(name)) ? [...new Set(names), String.raw`\u`] : undefined;
}
