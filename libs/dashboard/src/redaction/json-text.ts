import { HIDDEN, type RedactedFields } from './redacted-fields.js';

/** A text with hidden parts, and what was hidden, to be found elsewhere. */
export interface RedactedText {
  readonly text: string;
  readonly isRedacted: boolean;
  readonly secrets: readonly string[];
}

const SPACE = /[ \t\r\n]*/y;
// oxlint-disable-next-line no-control-regex -- JSON allows none of them inside of strings
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** A nesting that no payload has, so that none can exhaust the stack. */
const DEEPEST = 500;

/**
 * Replaces the values of hidden fields in a text of JSON. Everything else stays as it is, to the digit: a number that
 * JavaScript cannot hold, the order of keys, a key that occurs twice. `undefined`: the text is not JSON.
 */
export function redactJson(text: string, fields: RedactedFields): RedactedText | undefined {
  const scan = new JsonScan(text, fields);
  return scan.run() ? scan.result() : undefined;
}

class JsonScan {
  private at = 0;
  private copied = 0;
  private readonly parts: string[] = [];
  private readonly path: string[] = [];
  readonly secrets: string[] = [];

  constructor(
    private readonly text: string,
    private readonly fields: RedactedFields,
  ) {}

  run(): boolean {
    return this.value(false, 0) && this.skip(SPACE) && this.at === this.text.length;
  }

  result(): RedactedText {
    this.parts.push(this.text.slice(this.copied));
    return { text: this.parts.join(''), isRedacted: this.parts.length > 1, secrets: this.secrets };
  }

  /** @param isHidden inside of a hidden field, whose scalars are secrets */
  private value(isHidden: boolean, depth: number): boolean {
    this.skip(SPACE);
    if (depth > DEEPEST) return false;
    const begin = this.text[this.at];
    if (begin === '{') return this.object(isHidden, depth);
    if (begin === '[') return this.array(isHidden, depth);
    const from = this.at;
    if (!this.skip(begin === '"' ? STRING : SCALAR)) return false;
    if (isHidden) this.secrets.push(secretOf(this.text.slice(from, this.at)));
    return true;
  }

  private object(isHidden: boolean, depth: number): boolean {
    return this.members('}', () => {
      const from = this.at;
      if (!this.skip(STRING)) return false;
      this.path.push(textOf(this.text.slice(from, this.at)).toLowerCase());
      this.skip(SPACE);
      if (this.text[this.at] !== ':') return false;
      this.at += 1;
      this.skip(SPACE);
      const valueAt = this.at;
      const hides = !isHidden && this.fields.hides(this.path);
      if (!this.value(isHidden || hides, depth + 1)) return false;
      if (hides) {
        this.parts.push(this.text.slice(this.copied, valueAt), `"${HIDDEN}"`);
        this.copied = this.at;
      }
      this.path.pop();
      return true;
    });
  }

  private array(isHidden: boolean, depth: number): boolean {
    return this.members(']', () => this.value(isHidden, depth + 1));
  }

  private members(end: string, member: () => boolean): boolean {
    this.at += 1;
    this.skip(SPACE);
    if (this.text[this.at] === end) {
      this.at += 1;
      return true;
    }
    for (;;) {
      this.skip(SPACE);
      if (!member()) return false;
      this.skip(SPACE);
      const next = this.text[this.at];
      this.at += 1;
      if (next === end) return true;
      if (next !== ',') return false;
    }
  }

  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }
}

const textOf = (json: string): string => JSON.parse(json) as string;

const secretOf = (json: string): string => (json.startsWith('"') ? textOf(json) : json);
