import { formatGoDuration } from './go-duration.js';

/**
 * Task options in the text form of Go's asynq, whose programs parse them in a scheduler's entry. They search for the
 * `(` and panic when there is none.
 */
export const optionText = {
  maxRetry: (count: number): string => `MaxRetry(${count})`,
  queue: (name: string): string => `Queue(${quote(name)})`,
  /** Go's programs ignore it when they parse an entry. */
  taskId: (id: string): string => `TaskID(${quote(id)})`,
  timeout: (lengthMs: number): string => `Timeout(${durationText(lengthMs)})`,
  deadline: (atMs: number): string => `Deadline(${timeText(atMs)})`,
  unique: (ttlMs: number): string => `Unique(${durationText(ttlMs)})`,
  processAt: (atMs: number): string => `ProcessAt(${timeText(atMs)})`,
  processIn: (lengthMs: number): string => `ProcessIn(${durationText(lengthMs)})`,
  retention: (lengthMs: number): string => `Retention(${durationText(lengthMs)})`,
  /** Go's programs ignore it when they parse an entry. */
  group: (name: string): string => `Group(${quote(name)})`,
  /** Known to asynq after 0.26; the others ignore it. */
  header: (name: string, value: string): string => `Header(${jsonText([name, value])})`,
} as const;

const durationText = (lengthMs: number): string => formatGoDuration(BigInt(Math.round(lengthMs * 1e6)));

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Thu Mar  5 07:08:09 UTC 2026`. Always UTC: Go parses every other abbreviation as UTC. */
function timeText(atMs: number): string {
  const at = new Date(atMs);
  const day = String(at.getUTCDate()).padStart(2, ' ');
  const time = at.toISOString().slice(-13, -5);
  const year = String(at.getUTCFullYear()).padStart(4, '0');
  return `${DAYS[at.getUTCDay()]} ${MONTHS[at.getUTCMonth()]} ${day} ${time} UTC ${year}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** Printable by Go's definition; the only space among them is the ASCII one. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Text as Go quotes it. */
function quote(text: string): string {
  return `"${Array.from(text.toWellFormed(), quoteCharacter).join('')}"`;
}

function quoteCharacter(character: string): string {
  const escape = ESCAPES[character];
  if (escape !== undefined) return escape;
  if (PRINTABLE.test(character)) return character;
  const code = character.codePointAt(0)!;
  const hex = code.toString(16);
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** JSON as Go writes it: escaped for HTML. */
function jsonText(value: readonly string[]): string {
  const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value.map((text) => text.toWellFormed())).replace(/[<>&\u2028\u2029]/g, escaped);
}
