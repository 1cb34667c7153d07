/** The rules for one field of a cron spec. */
interface FieldKind {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Three letters each, in the order of their numbers. */
  readonly words?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** The fields, in the order of a spec. */
export const FIELD_KINDS = {
  second: { name: 'second', min: 0, max: 59 },
  minute: { name: 'minute', min: 0, max: 59 },
  hour: { name: 'hour', min: 0, max: 23 },
  dayOfMonth: { name: 'day of month', min: 1, max: 31 },
  month: { name: 'month', min: 1, max: 12, words: MONTHS },
  dayOfWeek: { name: 'day of week', min: 0, max: 6, words: WEEKDAYS },
} as const satisfies Record<string, FieldKind>;

/** The values that a field matches. */
export interface CronField {
  readonly values: ReadonlySet<number>;
  /** It is `*` or `?`, without a step above 1, which would leave out values. */
  readonly isOpen: boolean;
}

/**
 * Reads a field as robfig/cron does: a list of ranges, each with an optional step.
 * @throws {RangeError} the text cannot be read or leaves the field's bounds
 */
export function parseCronField(text: string, kind: FieldKind): CronField {
  const parts = text.split(',').filter((part) => part !== '');
  const ranges = parts.map((part) => parseRange(part, kind));
  return {
    values: new Set(ranges.flatMap(valuesOf)),
    isOpen: ranges.some(({ isOpen }) => isOpen),
  };
}

interface Range {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  readonly isOpen: boolean;
}

function parseRange(text: string, kind: FieldKind): Range {
  const [bounds = '', stepText, ...moreSteps] = text.split('/');
  const [low = '', high, ...moreBounds] = bounds.split('-');
  if (moreSteps.length > 0) throw new RangeError(`${kind.name} ${text} has two steps`);
  const isWhole = low === '*' || low === '?';
  if (moreBounds.length > 0 && !isWhole) throw new RangeError(`${kind.name} ${text} has two hyphens`);
  const step = stepText === undefined ? 1 : readNumber(stepText, kind.name, text);
  if (step < 1) throw new RangeError(`the step of ${kind.name} ${text} is below 1`);
  if (isWhole) return { first: kind.min, last: kind.max, step, isOpen: step === 1 };

  const first = readValue(low, kind, text);
  const onlyOne = stepText === undefined ? first : kind.max; // 5/15 begins at 5
  const last = high === undefined ? onlyOne : readValue(high, kind, text);
  if (first > last) throw new RangeError(`${kind.name} ${text} ends before it begins`);
  return { first, last, step, isOpen: false };
}

function readValue(text: string, kind: FieldKind, whole: string): number {
  const word = kind.words?.indexOf(text.toLowerCase()) ?? -1;
  const value = word >= 0 ? word + kind.min : readNumber(text, kind.name, whole);
  if (value >= kind.min && value <= kind.max) return value;
  throw new RangeError(`${kind.name} ${whole} is not between ${kind.min} and ${kind.max}`);
}

function readNumber(text: string, name: string, whole: string): number {
  if (/^\+?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new RangeError(`${JSON.stringify(text)} in ${name} ${whole} is not a number`);
}

function valuesOf({ first, last, step }: Range): number[] {
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, at) => first + at * step);
}
