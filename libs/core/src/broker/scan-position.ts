import { InvalidOptionsError } from '../errors/invalid-options.error.js';

/** A position in a sorted set: behind this member, whether or not it is still there. */
interface PlaceInSet {
  /** As text. */
  readonly score: string;
  /** The bytes of the member. */
  readonly member: Uint8Array;
}

/** An entry of a Redis list that a walk has passed. */
export interface PassedEntry {
  readonly id: string;
  /** Changes when the entry leaves the list and comes back, or moves within it. */
  readonly mark: string;
  /** Number of entries between it and the position; it can only decrease. */
  readonly distance: number;
}

/** A position in a Redis list, whose indexes change from both ends. */
export interface PlaceInList {
  /** Index of the next entry when it was last determined. */
  readonly index: number;
  /** Nearest first. */
  readonly passed: readonly PassedEntry[];
}

/** Begins with a letter: the command line would take a leading dash for an option. */
const IN_SET = /^s(-?(?:inf|Infinity|\d[\d.e+-]*)):([\w-]*)$/;

export const encodePlaceInSet = ({ score, member }: PlaceInSet): string =>
  `s${score}:${Buffer.from(member).toString('base64url')}`;

/** @throws {InvalidOptionsError} not such a position */
export function decodePlaceInSet(position: string): PlaceInSet {
  const [, score, member] = IN_SET.exec(position) ?? [];
  if (score === undefined) throw refusal(position);
  return { score, member: Buffer.from(member!, 'base64url') };
}

export const encodePlaceInList = ({ index, passed }: PlaceInList): string =>
  Buffer.from(JSON.stringify([index, ...passed.map(({ id, mark, distance }) => [id, mark, distance])])).toString(
    'base64url',
  );

/** @throws {InvalidOptionsError} not such a position */
export function decodePlaceInList(position: string): PlaceInList {
  const [index, ...passed] = parse(position);
  if (!isIndex(index) || !passed.every(isPassed)) throw refusal(position);
  return { index, passed: passed.map(([id, mark, distance]) => ({ id, mark, distance })) };
}

/** Whether it may be a position from a scan. */
export const isPosition = (text: string): boolean => IN_SET.test(text) || isIndex(parse(text)[0]);

function parse(position: string): unknown[] {
  try {
    const found: unknown = JSON.parse(Buffer.from(position, 'base64url').toString());
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

const isIndex = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isPassed = (value: unknown): value is [id: string, mark: string, distance: number] =>
  Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'string' && isIndex(value[2]);

function refusal(position: string): InvalidOptionsError {
  return new InvalidOptionsError([
    { option: 'cursor', value: position, allowed: 'the cursor of an earlier search of the same list' },
  ]);
}
