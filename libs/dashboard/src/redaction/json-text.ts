import { HIDDEN, type RedactedFields } from './redacted-fields.js';

/** A text with hidden parts, and what was hidden, to be found elsewhere. */
export interface RedactedText {
  readonly text: string;
  readonly isRedacted: boolean;
  readonly secrets: readonly string[];
}

const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const HEX = /[0-9a-fA-F]{4}/y;

const unitOf = (character: string): number => character.charCodeAt(0);
const TAB = unitOf('\t');
const LINE_FEED = unitOf('\n');
const RETURN = unitOf('\r');
const SPACE = unitOf(' ');
const QUOTE = unitOf('"');
const COMMA = unitOf(',');
const COLON = unitOf(':');
const BACKSLASH = unitOf('\\');
const OPEN_LIST = unitOf('[');
const CLOSE_LIST = unitOf(']');
const OPEN_OBJECT = unitOf('{');
const CLOSE_OBJECT = unitOf('}');
const ZERO = unitOf('0');
const NINE = unitOf('9');
const LETTER_U = unitOf('u');
const ESCAPED = new Set(Array.from('"\\/bfnrt', unitOf));

/** A nesting that no payload has, so that none can exhaust the stack. */
const DEEPEST = 500;

/**
 * Replaces the values of hidden fields in a text of JSON. Everything else stays as it is, to the digit: a number that
 * JavaScript cannot hold, the order of keys, a key that occurs twice. `undefined`: the text is not JSON.
 *
 * Goes from character to character, without a regular expression for each token: a payload of a megabyte must not hold the
 * event loop for long.
 */
export function redactJson(text: string, fields: RedactedFields): RedactedText | undefined {
  const scan = new JsonScan(text, fields);
  return scan.run() ? scan.result() : undefined;
}

interface Key {
  /** In lower case. */
  readonly name: string;
  /** Some fields of this name may be hidden. */
  readonly mayHide: boolean;
}

class JsonScan {
  private at = 0;
  private copied = 0;
  private readonly parts: string[] = [];
  private readonly path: string[] = [];
  /** By how they are written: in lists of objects they repeat. */
  private readonly keys = new Map<string, Key>();
  readonly secrets: string[] = [];

  constructor(
    private readonly text: string,
    private readonly fields: RedactedFields,
  ) {}

  run(): boolean {
    if (!this.value(false, 0)) return false;
    this.space();
    return this.at === this.text.length;
  }

  result(): RedactedText {
    this.parts.push(this.text.slice(this.copied));
    return { text: this.parts.join(''), isRedacted: this.parts.length > 1, secrets: this.secrets };
  }

  /** @param isHidden inside of a hidden field, whose scalars are secrets */
  private value(isHidden: boolean, depth: number): boolean {
    this.space();
    if (depth > DEEPEST) return false;
    const begin = this.text.charCodeAt(this.at);
    if (begin === OPEN_OBJECT) return this.object(isHidden, depth);
    if (begin === OPEN_LIST) return this.list(isHidden, depth);
    const from = this.at;
    if (!(begin === QUOTE ? this.string() : this.wholeNumber() || this.skip(SCALAR))) return false;
    if (isHidden) this.secrets.push(secretOf(this.text.slice(from, this.at)));
    return true;
  }

  private object(isHidden: boolean, depth: number): boolean {
    this.at += 1;
    if (this.takes(CLOSE_OBJECT)) return true;
    do {
      this.space();
      const from = this.at;
      if (this.text.charCodeAt(from) !== QUOTE || !this.string()) return false;
      const { name, mayHide } = this.keyOf(this.text.slice(from, this.at));
      this.path.push(name);
      if (!this.takes(COLON)) return false;
      this.space();
      const valueAt = this.at;
      const hides = mayHide && !isHidden && this.fields.hides(this.path);
      if (!this.value(isHidden || hides, depth + 1)) return false;
      if (hides) {
        this.parts.push(this.text.slice(this.copied, valueAt), `"${HIDDEN}"`);
        this.copied = this.at;
      }
      this.path.pop();
    } while (this.takes(COMMA));
    return this.takes(CLOSE_OBJECT);
  }

  private list(isHidden: boolean, depth: number): boolean {
    this.at += 1;
    if (this.takes(CLOSE_LIST)) return true;
    do {
      if (!this.value(isHidden, depth + 1)) return false;
    } while (this.takes(COMMA));
    return this.takes(CLOSE_LIST);
  }

  /** From its first quote to behind its last. JSON allows no control characters in it. */
  private string(): boolean {
    const { text } = this;
    for (let at = this.at + 1; ;) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) {
        this.at = at + 1;
        return true;
      }
      if (unit === BACKSLASH) {
        const next = text.charCodeAt(at + 1);
        HEX.lastIndex = at + 2;
        if (!ESCAPED.has(next) && !(next === LETTER_U && HEX.test(text))) return false;
        at += next === LETTER_U ? 6 : 2;
      } else if (unit >= SPACE) {
        at += 1;
      } else {
        return false; // also at the end of the text, where it is no number
      }
    }
  }

  private keyOf(json: string): Key {
    let key = this.keys.get(json);
    if (key === undefined) {
      const name = textOf(json).toLowerCase();
      key = { name, mayHide: this.fields.mayHide(name) };
      this.keys.set(json, key);
    }
    return key;
  }

  /** By far the most numbers: digits without a sign, a fraction and an exponent. */
  private wholeNumber(): boolean {
    const { text } = this;
    let at = this.at;
    while (text.charCodeAt(at) >= ZERO && text.charCodeAt(at) <= NINE) at += 1;
    const end = text.charCodeAt(at);
    const isOne = at > this.at && (text.charCodeAt(this.at) !== ZERO || at === this.at + 1);
    if (!isOne || (end !== COMMA && end !== CLOSE_OBJECT && end !== CLOSE_LIST)) return false;
    this.at = at;
    return true;
  }

  private takes(unit: number): boolean {
    this.space();
    if (this.text.charCodeAt(this.at) !== unit) return false;
    this.at += 1;
    return true;
  }

  private space(): void {
    for (;;) {
      const unit = this.text.charCodeAt(this.at);
      if (unit !== SPACE && unit !== LINE_FEED && unit !== RETURN && unit !== TAB) return;
      this.at += 1;
    }
  }

  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }
}

const textOf = (json: string): string => (json.includes('\\') ? (JSON.parse(json) as string) : json.slice(1, -1));

const secretOf = (json: string): string => (json.startsWith('"') ? textOf(json) : json);
