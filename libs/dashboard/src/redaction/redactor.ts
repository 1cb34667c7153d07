import { redactJson, type RedactedText } from './json-text.js';
import { HIDDEN, RedactedFields } from './redacted-fields.js';

/** A hidden value that is shorter says nothing, and occurs everywhere: `1`, `true`. */
const SHORTEST_SECRET = 4;

/** Hides fields before anything of a task leaves the process. */
export class Redactor {
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
            String.raw`(\b(?:${names.join('|')})\b\\?["']?\s*[:=]\s*)("(?:[^"\\]|\\[^])*"?|\\"(?:[^"\\]|\\[^"])*(?:\\")?|'[^']*'?|[^\s,;&"'}\])\\]+)`,
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

  /** A payload or a result in UTF-8: fields of JSON, else what looks like one. */
  text(text: string): RedactedText {
    if (this.isIdle || !this.mayHide(text)) return { text, isRedacted: false, secrets: [] };
    return redactJson(text, this.fields) ?? this.loose(text);
  }

  /**
   * A text of the app: what looks like a hidden field, and the values that are hidden elsewhere in the task.
   * @param secrets of the payload and the headers
   */
  loose(text: string, secrets: readonly string[] = []): RedactedText {
    if (this.inText === undefined) return { text, isRedacted: false, secrets: [] };
    const found: string[] = [];
    const hide = (_whole: string, name: string, value: string): string => {
      found.push(value);
      return name + HIDDEN;
    };
    let redacted = this.mayHide(text) ? text.replaceAll(this.inText, hide) : text;
    // A payload may hold tens of thousands of secrets, and few errors are long enough for any.
    const fitting = secrets.filter(({ length }) => length >= SHORTEST_SECRET && length <= text.length);
    const longest = fitting.toSorted((a, b) => b.length - a.length);
    for (const secret of longest) redacted = redacted.replaceAll(secret, HIDDEN);
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
