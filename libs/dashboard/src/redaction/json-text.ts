import type { WorkSlices } from '../slices/work-slices.js';
import { HIDDEN, type RedactedFields } from './redacted-fields.js';

/** A text with hidden parts, and what was hidden, to be found elsewhere. */
export interface RedactedText {
  readonly text: string;
  readonly isRedacted: boolean;
  readonly secrets: readonly string[];
}

const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const HEX = /[0-9a-fA-F]{4}/y;
/** What a string cannot hold as it is. */
// oxlint-disable-next-line no-control-regex
const SPECIAL = /["\\\u0000-\u001f]/g;
/** Characters after which a regular expression is faster than a look at each. */
const LONG_RUN = 64;

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

/** A nesting that no payload has. */
const DEEPEST = 500;

/** Characters that are scanned between two looks at whether the turn is over. */
const PIECE = 8_192;

/**
 * Replaces the values of hidden fields in a text of JSON. Everything else stays as it is, to the digit: a number that
 * JavaScript cannot hold, the order of keys, a key that occurs twice. `undefined`: the text is not JSON.
 *
 * A payload of a megabyte must not hold the event loop for long: goes from character to character, without a regular
 * expression for each token, and in slices that end behind a token.
 * @param slices of characters
 */
export async function redactJson(
  text: string,
  fields: RedactedFields,
  slices: WorkSlices,
): Promise<RedactedText | undefined> {
  const scan = new JsonScan(text, fields);
  while (scan.state === 'open') {
    await slices.take(Math.min(PIECE, text.length));
    scan.run(PIECE);
  }
  return scan.state === 'ended' ? scan.result() : undefined;
}

interface Key {
  /** In lower case. */
  readonly name: string;
  /** Some fields of this name may be hidden. */
  readonly mayHide: boolean;
}

/** A list or an object that has begun. */
interface Frame {
  readonly isObject: boolean;
  /** Where the value of its present field begins, if that is to be hidden. */
  hiddenAt: number | undefined;
}

class JsonScan {
  state: 'open' | 'ended' | 'broken' = 'open';
  private at = 0;
  private copied = 0;
  private readonly parts: string[] = [];
  private readonly path: string[] = [];
  /** What the place is in, outermost first. */
  private readonly frames: Frame[] = [];
  /** The place is in a hidden field, whose scalars are secrets. */
  private isHidden = false;
  /** By how they are written: in lists of objects they repeat. */
  private readonly keys = new Map<string, Key>();
  private readonly secrets: string[] = [];

  constructor(
    private readonly text: string,
    private readonly fields: RedactedFields,
  ) {}

  /** Goes on behind the token that is so many characters ahead, or to the end. */
  run(characters: number): void {
    const end = this.at + characters;
    while (this.state === 'open' && this.at < end) {
      if (!this.value()) this.state = 'broken';
    }
  }

  result(): RedactedText {
    this.parts.push(this.text.slice(this.copied));
    return { text: this.parts.join(''), isRedacted: this.parts.length > 1, secrets: this.secrets };
  }

  /** A scalar, or the begin of a list or an object up to its first value. */
  private value(): boolean {
    this.space();
    if (this.frames.length > DEEPEST) return false;
    const begin = this.text.charCodeAt(this.at);
    if (begin === OPEN_OBJECT || begin === OPEN_LIST) {
      const isObject = begin === OPEN_OBJECT;
      this.at += 1;
      if (this.takes(isObject ? CLOSE_OBJECT : CLOSE_LIST)) return this.afterValue();
      this.frames.push({ isObject, hiddenAt: undefined });
      return !isObject || this.key();
    }
    const from = this.at;
    if (!(begin === QUOTE ? this.string() : this.wholeNumber() || this.skip(SCALAR))) return false;
    if (this.isHidden) this.secrets.push(secretOf(this.text.slice(from, this.at)));
    return this.afterValue();
  }

  /** Up to the next value, or the end of everything. */
  private afterValue(): boolean {
    for (let frame = this.frames.at(-1); frame !== undefined; frame = this.frames.at(-1)) {
      if (frame.isObject) this.endField(frame);
      if (this.takes(COMMA)) return !frame.isObject || this.key();
      if (!this.takes(frame.isObject ? CLOSE_OBJECT : CLOSE_LIST)) return false;
      this.frames.pop();
    }
    this.space();
    this.state = 'ended';
    return this.at === this.text.length;
  }

  /** From before a key to before its value. */
  private key(): boolean {
    this.space();
    const from = this.at;
    if (this.text.charCodeAt(from) !== QUOTE || !this.string()) return false;
    const { name, mayHide } = this.keyOf(this.text.slice(from, this.at));
    this.path.push(name);
    if (!this.takes(COLON)) return false;
    this.space();
    if (mayHide && !this.isHidden && this.fields.hides(this.path)) {
      this.frames.at(-1)!.hiddenAt = this.at;
      this.isHidden = true;
    }
    return true;
  }

  private endField(frame: Frame): void {
    this.path.pop();
    if (frame.hiddenAt === undefined) return;
    this.parts.push(this.text.slice(this.copied, frame.hiddenAt), `"${HIDDEN}"`);
    this.copied = this.at;
    frame.hiddenAt = undefined;
    this.isHidden = false;
  }

  /** From its first quote to behind its last. JSON allows no control characters in it. */
  private string(): boolean {
    const { text } = this;
    for (let at = this.at + 1, jumpAt = at + LONG_RUN; ;) {
      if (at >= jumpAt) at = this.nextSpecial(at);
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) {
        this.at = at + 1;
        return true;
      }
      if (unit === BACKSLASH) {
        const next = text.charCodeAt(at + 1);
        if (next === LETTER_U ? !this.isHex(at + 2) : !ESCAPED.has(next)) return false;
        at += next === LETTER_U ? 6 : 2;
        jumpAt = at + LONG_RUN;
      } else if (unit >= SPACE) {
        at += 1;
      } else {
        return false; // also at the end of the text, where it is no number
      }
    }
  }

  private nextSpecial(from: number): number {
    SPECIAL.lastIndex = from;
    return SPECIAL.test(this.text) ? SPECIAL.lastIndex - 1 : this.text.length;
  }

  private isHex(from: number): boolean {
    HEX.lastIndex = from;
    return HEX.test(this.text);
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
