import { QueueError } from './queue-error.js';

/** One wrong option: its path (`'queues.critical'`), its value, and what is allowed. */
export interface OptionProblem {
  readonly option: string;
  /** A text, number or boolean as given; for others and possible secrets, a short description. */
  readonly value: unknown;
  readonly allowed: string;
}

/** Options are wrong, found before anything was written or started. Lists all problems at once. */
export class InvalidOptionsError extends QueueError {
  readonly code = 'INVALID_OPTIONS';
  readonly problems: readonly OptionProblem[];

  constructor(problems: readonly OptionProblem[]) {
    super(
      problems
        .map(({ option, value, allowed }) => `option "${option}" is ${show(value)}; allowed: ${allowed}`)
        .join('\n'),
    );
    // JSON has no bigint, and a logger must not fail over the problem that it reports.
    const isPlain = (value: unknown): boolean =>
      value === null || !['object', 'function', 'bigint', 'symbol'].includes(typeof value);
    this.problems = problems.map((problem) =>
      isPlain(problem.value) ? problem : { ...problem, value: new ValueKind(show(problem.value)) },
    );
  }
}

/** Replaces a value that must not be logged: it may contain a payload, a header or a password. */
class ValueKind {
  constructor(private readonly kind: string) {}

  toString(): string {
    return this.kind;
  }

  toJSON(): string {
    return this.kind;
  }
}

/** The kind of a value, to show instead of the value. */
export function kindOf(value: unknown): unknown {
  if (typeof value === 'string') return new ValueKind('text');
  return new ValueKind(['number', 'bigint', 'symbol'].includes(typeof value) ? `a ${typeof value}` : show(value));
}

/** A value in a message: a text in quotes and cut, an object by its kind. */
export function show(value: unknown): string {
  try {
    return describe(value);
  } catch {
    return 'a value that cannot be read';
  }
}

function describe(value: unknown): string {
  if (value instanceof ValueKind) return value.toString();
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : value.toISOString();
  if (typeof value === 'object' && value !== null) return describeObject(tagOf(value));
  return String(value);
}

function describeObject(tag: string): string {
  if (tag === 'Promise') return 'a promise'; // it was not awaited
  if (['Object', 'Array'].includes(tag)) return `an ${tag.toLowerCase()}`;
  return `${/^[AEIOU]/.test(tag) ? 'an' : 'a'} ${tag}`;
}

/** `Map`, `Promise`; `Object` for instances of classes. */
export const tagOf = (value: object): string => Object.prototype.toString.call(value).slice('[object '.length, -1);
