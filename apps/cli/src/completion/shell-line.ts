/** The word of a line at the cursor, up to the cursor. */
export interface CurrentWord {
  /** As the program would be given it. */
  readonly text: string;
  /** As it was typed. */
  readonly raw: string;
  /** The quote that is open at the cursor. */
  readonly quote: '' | '"' | "'";
}

interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
}

const PART =
  /(?<blank>\s+)|'(?<single>[^']*)(?<singleEnd>'?)|"(?<double>(?:[^"\\]|\\.)*)(?<doubleEnd>"?)|\\(?<escaped>.?)|(?<plain>(?:[^\s'"\\])+)/gsu;

/**
 * The words of a command line, as a shell would read them; nothing is run. Of variables only those in the environment are
 * known.
 */
export function readShellLine(line: string, { env, home }: Surroundings): { words: string[]; current: CurrentWord } {
  const words: string[] = [];
  let text = '';
  let start = 0;
  let quote: CurrentWord['quote'] = '';
  const expand = (part: string): string =>
    part.replaceAll(/\$(?:(\w+)|\{(\w+)\})/g, (whole, name: string | undefined, braced: string) => {
      return env[name ?? braced] ?? whole;
    });
  for (const { 0: whole, index, groups = {} } of line.matchAll(PART)) {
    const { blank, single, singleEnd, double, doubleEnd, escaped, plain } = groups;
    if (blank !== undefined) {
      if (index > start) words.push(text);
      [text, start] = ['', index + whole.length];
    } else if (single !== undefined) {
      text += single;
      if (singleEnd === '') quote = "'";
    } else if (double !== undefined) {
      text += expandQuoted(double, expand);
      if (doubleEnd === '') quote = '"';
    } else if (escaped !== undefined) text += escaped;
    else text += expand(index === start ? plain!.replace(/^~(?=\/|$)/, home) : plain!);
  }
  return { words, current: { text, raw: line.slice(start), quote } };
}

/** Between double quotes only these characters can be escaped. */
const expandQuoted = (text: string, expand: (part: string) => string): string =>
  text
    .split(/(\\["\\$`])/)
    .map((part, nth) => (nth % 2 === 1 ? part.slice(1) : expand(part)))
    .join('');

/** A text as it is typed behind `quote`. */
export function quoted(text: string, quote: CurrentWord['quote']): string {
  if (quote === "'") return text.replaceAll("'", String.raw`'\''`);
  return text.replaceAll(quote === '"' ? /["\\$`]/g : /[\s"'`\\$&|;<>()*?[\]{}!#~^]/g, String.raw`\$&`);
}
