import { InvalidOptionsError, kindOf, type OptionProblem } from '../errors/invalid-options.error.js';
import { type DurationBounds, durationMs, durationProblem } from './duration.js';
import { isRecord } from './is-record.js';
import { nearestName } from './nearest-name.js';
import { isText, TEXT_ALLOWED } from './unicode-text.js';

/**
 * Reads an object of options and collects all of its problems, so that they are reported at once.
 * A wrong option reads as its fallback; do not use the values before {@link throwIfWrong} has passed.
 * An option that is `undefined` counts as absent.
 */
export class OptionReader {
  private readonly found: OptionProblem[] = [];
  private readonly given: Readonly<Record<string, unknown>>;

  /**
   * @param path prefix of the options' names: `'archive.'`
   * @param whole name of the options as a whole, for the message when they are not an object
   * @throws {InvalidOptionsError} they are not, and are not part of others, which may have more problems
   */
  constructor(
    given: object,
    private readonly path = '',
    whole = path.replace(/\.$/, '') || 'options',
  ) {
    this.given = isRecord(given) ? given : {};
    if (isRecord(given)) return;
    this.found.push({ option: whole, value: kindOf(given), allowed: 'an object' });
    if (path === '') this.throwIfWrong();
  }

  /**
   * Refuses names outside `known`, with the nearest known one for a typo.
   * @param elsewhere what to use in place of names that other libraries have: `{ attempts: '"maxRetry"' }`
   */
  onlyKnown(known: readonly string[], elsewhere: Readonly<Record<string, string>> = {}): void {
    for (const name of Object.keys(this.given)) {
      if (known.includes(name) || this.given[name] === undefined) continue;
      const allowed = Object.hasOwn(elsewhere, name)
        ? `no option of this name; use ${elsewhere[name]}`
        : unknownText(name, known);
      const value = this.given[name];
      this.refuse(name, allowed, typeof value === 'string' ? kindOf(value) : value); // it may be a password
    }
  }

  /** A duration in milliseconds. */
  duration<Fallback extends number | undefined>(
    name: string,
    fallback: Fallback,
    bounds?: DurationBounds,
  ): number | Fallback {
    const value = this.given[name];
    if (value === undefined) return fallback;
    const problem = durationProblem(this.path + name, value, bounds);
    if (problem) this.found.push(problem);
    return problem ? fallback : durationMs(value)!;
  }

  /** A whole number from `min` to `max`. */
  wholeNumber(name: string, fallback: number, min: number, max: number): number {
    const value = this.given[name];
    if (value === undefined) return fallback;
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    this.refuse(name, `a whole number from ${min} to ${max}`);
    return fallback;
  }

  /** `true` or `false`. */
  boolean(name: string, fallback: boolean): boolean {
    return this.checked(name, fallback, (value) => typeof value === 'boolean', 'true or false');
  }

  /** One of these texts. */
  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const allowed = choices.map((choice) => `"${choice}"`).join(' or ');
    return this.checked(name, undefined, (value) => choices.includes(value as Choice), allowed);
  }

  /** Text that is not blank, in valid Unicode. */
  text<Fallback extends string | undefined>(name: string, fallback: Fallback): string | Fallback {
    return this.checked(name, fallback, isText, TEXT_ALLOWED);
  }

  /** A point in time in unix ms, from 1970 to the year 9999. */
  date(name: string): number | undefined {
    const isFine = (value: unknown): boolean =>
      value instanceof Date && value.getTime() >= 0 && value.getTime() <= LATEST_DATE_MS;
    return this.checked<Date | undefined>(name, undefined, isFine, 'a Date from 1970 to the year 9999')?.getTime();
  }

  /** A function, or an object that has all of `methods`. */
  callable<Kind>(name: string, fallback: Kind, methods?: readonly string[]): Kind {
    const isFine = (value: unknown): boolean =>
      methods
        ? value !== null &&
          typeof value === 'object' &&
          methods.every((method) => isFunction(Reflect.get(value, method)))
        : isFunction(value);
    return this.checked(name, fallback, isFine, methods ? `an object with ${methods.join(', ')}` : 'a function');
  }

  /** Adds a problem that the caller found. */
  refuse(name: string, allowed: string, value: unknown = this.given[name]): void {
    this.found.push({ option: this.path + name, value, allowed });
  }

  /** Adds problems found elsewhere; `undefined` for none. */
  add(...problems: readonly (OptionProblem | undefined)[]): void {
    this.found.push(...problems.filter((problem) => problem !== undefined));
  }

  get problems(): readonly OptionProblem[] {
    return this.found;
  }

  /**
   * Finishes reading.
   * @throws {InvalidOptionsError} with all problems, if there are any
   */
  throwIfWrong(): void {
    if (this.found.length > 0) throw new InvalidOptionsError(this.found);
  }

  private checked<Kind>(name: string, fallback: Kind, isFine: (value: unknown) => boolean, allowed: string): Kind {
    const value = this.given[name];
    if (value === undefined) return fallback;
    if (isFine(value)) return value as Kind;
    this.refuse(name, allowed);
    return fallback;
  }
}

/** How many names are listed for one that is near none of them. */
const MOST_LISTED = 6;

function unknownText(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  if (nearest) return `no option of this name; did you mean "${nearest}"?`;
  return known.length <= MOST_LISTED ? `only ${known.join(', ')}` : 'no option of this name';
}

/** 9999-12-31T23:59:59.999Z: the last year that JSON, RFC 3339 and Go write with four digits. */
const LATEST_DATE_MS = Date.UTC(10_000, 0, 1) - 1;

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}
