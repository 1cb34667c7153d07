/** Characters that terminals draw two cells wide: Chinese, Japanese, Korean, full-width forms, emoji. */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{1F000}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;
/** Characters drawn over the previous one. */
const MARK = /\p{M}/u;
/** Most texts: each character takes one cell. */
const ASCII = /^[\x20-\x7E]*$/;

const cellsOf = (char: string): number => (WIDE.test(char) ? 2 : MARK.test(char) ? 0 : 1);

/** Terminal cells that a text without control characters takes. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let cells = 0;
  for (const char of text) cells += cellsOf(char);
  return cells;
}

/** Text cut to a number of terminal cells; a cut shows as `…`. */
export function clip(text: string, width: number): string {
  let cells = 0;
  let index = 0;
  /** Where the text is cut if it turns out too long: there is room for the `…`. */
  let end = 0;
  for (const char of text) {
    cells += cellsOf(char);
    if (cells > width) return `${text.slice(0, end)}…`;
    index += char.length;
    if (cells < width) end = index;
  }
  return text;
}

/** Text in lines of at most that many terminal cells; an empty text is one line. */
export function wrap(text: string, width: number): string[] {
  if (ASCII.test(text)) return wrapAscii(text, width);
  const lines: string[] = [];
  let line = '';
  let cells = 0;
  for (const char of text) {
    const own = cellsOf(char);
    if (cells + own > width && line !== '') {
      lines.push(line);
      line = '';
      cells = 0;
    }
    line += char;
    cells += own;
  }
  return [...lines, line];
}

function wrapAscii(text: string, width: number): string[] {
  const lines: string[] = [];
  for (let at = 0; at === 0 || at < text.length; at += width) lines.push(text.slice(at, at + width));
  return lines;
}
