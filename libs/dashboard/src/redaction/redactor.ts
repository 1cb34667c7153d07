import { redactJson, type RedactedText } from './json-text.js';
import { HIDDEN, RedactedFields } from './redacted-fields.js';

/** A hidden value that is shorter says nothing, and occurs everywhere: `1`, `true`. */
const SHORTEST_SECRET = 4;

/** Hides fields before anything of a task leaves the process. */
export class Redactor {
  private readonly fields: RedactedFields;
  /** `password=…`, `"password": "…"`, `password: …` in a text without a structure. */
  private readonly inText: RegExp | undefined;

  constructor(patterns: readonly string[]) {
    this.fields = new RedactedFields(patterns);
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
    if (this.isIdle) return { text, isRedacted: false, secrets: [] };
    return redactJson(text, this.fields) ?? this.loose(text);
  }

  /**
   * A text of the app: what looks like a hidden field, and the values that are hidden elsewhere in the task.
   * @param secrets of the payload and the headers
   */
  loose(text: string, secrets: readonly string[] = []): RedactedText {
    if (this.inText === undefined) return { text, isRedacted: false, secrets: [] };
    const found: string[] = [];
    let redacted = text.replaceAll(this.inText, (_whole, name: string, value: string) => {
      found.push(value);
      return name + HIDDEN;
    });
    const longest = secrets.filter(({ length }) => length >= SHORTEST_SECRET).toSorted((a, b) => b.length - a.length);
    for (const secret of longest) redacted = redacted.replaceAll(secret, HIDDEN);
    return { text: redacted, isRedacted: redacted !== text, secrets: found };
  }
}
