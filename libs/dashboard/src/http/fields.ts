import { BOUNDS } from '../api/bounds.js';
import type { FieldProblem } from '../api/errors.js';
import { invalid } from './request.error.js';

interface Bounds {
  readonly min: number;
  readonly max: number;
}

const LATEST_MS = Date.UTC(10_000, 0, 1) - 1;

/**
 * Reads the parameters of a query or the fields of a body; `done` refuses the request with all problems at once. Every
 * text has a longest length, and every number bounds.
 */
export class Fields {
  private readonly problems: FieldProblem[] = [];

  private constructor(
    private readonly all: (name: string) => readonly unknown[],
    private readonly isQuery: boolean,
  ) {}

  static ofQuery(url: string): Fields {
    const at = url.indexOf('?');
    const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
    return new Fields((name) => query.getAll(name).filter((value) => value !== ''), true);
  }

  static ofBody(body: unknown): Fields {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw invalid([{ field: 'body', allowed: 'a JSON object' }]);
    }
    const record = body as Readonly<Record<string, unknown>>;
    return new Fields((name) => {
      const value = Object.hasOwn(record, name) ? record[name] : undefined;
      return value === undefined || value === null ? [] : [value];
    }, false);
  }

  text(name: string, maxLength: number = BOUNDS.textLength): string | undefined {
    const value = this.one(name);
    if (value === undefined) return undefined;
    const isFine = typeof value === 'string' && value.length <= maxLength && value.isWellFormed();
    return isFine ? value : this.refuse(name, `text of at most ${maxLength} characters`);
  }

  /** A text that the request needs. */
  required(name: string, maxLength?: number): string {
    const value = this.text(name, maxLength);
    if (value === undefined) this.refuse(name, 'given');
    return value ?? '';
  }

  wholeNumber(name: string, { min, max }: Bounds): number | undefined {
    const given = this.one(name);
    if (given === undefined) return undefined;
    const isDigits = typeof given === 'string' && /^\d{1,16}$/.test(given);
    const value = this.isQuery && isDigits ? Number(given) : given;
    const isFine = Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
    return isFine ? (value as number) : this.refuse(name, `a whole number from ${min} to ${max}`);
  }

  numberOr(name: string, bounds: Bounds & { readonly default: number }): number {
    return this.wholeNumber(name, bounds) ?? bounds.default;
  }

  /** A point in time, in unix ms. */
  timeMs(name: string): number | undefined {
    return this.wholeNumber(name, { min: 0, max: LATEST_MS });
  }

  flag(name: string): boolean | undefined {
    const value = this.one(name);
    if (value === undefined) return undefined;
    if (typeof value === 'boolean' && !this.isQuery) return value;
    if (this.isQuery && ['1', 'true'].includes(value as string)) return true;
    if (this.isQuery && ['0', 'false'].includes(value as string)) return false;
    return this.refuse(name, this.isQuery ? '1 or 0' : 'true or false');
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.one(name);
    if (value === undefined) return undefined;
    return choices.includes(value as Choice) ? (value as Choice) : this.refuse(name, `one of ${choices.join(', ')}`);
  }

  /** Several texts: a repeated parameter, or an array. */
  texts(name: string, most: number): readonly string[] | undefined {
    const given = this.all(name);
    const values = this.isQuery ? given : (given[0] as readonly unknown[] | undefined);
    if (values === undefined || (this.isQuery && values.length === 0)) return undefined;
    const isFine =
      Array.isArray(values) &&
      values.length <= most &&
      values.every((value) => typeof value === 'string' && value.length <= BOUNDS.textLength && value.isWellFormed());
    return isFine ? (values as readonly string[]) : this.refuse(name, `at most ${most} texts`);
  }

  /** An object or array inside of a body, to be read by itself. */
  value(name: string): unknown {
    return this.one(name);
  }

  refuse(name: string, allowed: string): undefined {
    this.problems.push({ field: name, allowed });
    return undefined;
  }

  /** @throws {RequestError} for all problems, if there are any */
  done(): void {
    if (this.problems.length > 0) throw invalid(this.problems);
  }

  private one(name: string): unknown {
    const values = this.all(name);
    if (values.length > 1) this.refuse(name, 'given once');
    return values[0];
  }
}
