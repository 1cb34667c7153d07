import { sortInSlices } from '../slices/sort-in-slices.js';
import { WorkSlices } from '../slices/work-slices.js';
import { redactJson, type RedactedText } from './json-text.js';
import { LooseFields } from './loose-fields.js';
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
  private readonly looseFields: LooseFields | undefined;
  /** A text without any of these has nothing to hide, and need not be parsed. `undefined`: any text may have. */
  private readonly signs: readonly string[] | undefined;

  constructor(patterns: readonly string[]) {
    this.fields = new RedactedFields(patterns);
    this.signs = signsOf(patterns);
    const names = this.fields.lastNames;
    this.looseFields = names.length === 0 ? undefined : new LooseFields(names);
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
    if (this.looseFields === undefined || text === '') return { text, isRedacted: false, secrets: [] };
    const found: string[] = [];
    let redacted = this.mayHide(text) ? await this.looseFields.hide(text, this.slices, found) : text;
    // A payload may hold tens of thousands of secrets, and few errors are long enough for any.
    const fitting = [...new Set(secrets)].filter(({ length }) => length >= SHORTEST_SECRET && length <= text.length);
    for (const secret of await sortInSlices(fitting, (a, b) => b.length - a.length, new WorkSlices())) {
      await this.turn(redacted.length);
      redacted = redacted.replaceAll(secret, HIDDEN);
    }
    return { text: redacted, isRedacted: redacted !== text, secrets: found };
  }

  private mayHide(text: string): boolean {
    if (this.signs === undefined) return true;
    const lower = text.toLowerCase();
    return this.signs.some((sign) => lower.includes(sign));
  }
}

/** Names that a payload holds as they are, unless it writes them with escapes. */
function signsOf(patterns: readonly string[]): readonly string[] | undefined {
  const names = patterns.map((pattern) => pattern.toLowerCase().split('.').at(-1)!);
  return names.every((name) => /^[\w-]+$/.test(name)) ? [...new Set(names), String.raw`\u`] : undefined;
}
