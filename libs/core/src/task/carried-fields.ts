import { InvalidOptionsError, kindOf, type OptionProblem } from '../errors/invalid-options.error.js';
import type { OptionReader } from '../runtime/option-reader.js';
import { isText, TEXT_ALLOWED } from '../runtime/unicode-text.js';

/**
 * Fields of the program's context, such as the tenant of a request, that travel with a task: each is written into the
 * header of its name where the task is enqueued, and read from it where the task is handled. See {@link carryFields}.
 */
export interface CarriedFields {
  /** Names of the fields and of their headers. */
  readonly fields: readonly string[];
  /** The value of a field where a task is enqueued; `undefined` or `null` for none. */
  readonly get: (field: string) => unknown;
  /** Calls a handler in a context with these fields, as text; those that the task does not have are absent. */
  readonly run: <Result>(values: Readonly<Record<string, string>>, handler: () => Result) => Result;
}

/** An `AsyncLocalStorage` that holds an object or a `Map`. */
export interface FieldStorage {
  getStore(): unknown;
  run<Result>(store: never, callback: () => Result): Result;
}

/** The `ClsService` of nestjs-cls. */
export interface FieldService {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
  isActive(): boolean;
  run<Result>(callback: () => Result): Result;
}

/**
 * Carries fields of an `AsyncLocalStorage`, or of the `ClsService` of nestjs-cls, with the tasks. A handler runs in a
 * context of its own that holds these fields alone: never in that of the request that enqueued the task, nor in none.
 *
 * ```ts
 * const requests = new AsyncLocalStorage<{ tenantId: string }>();
 * new Client({ connection, carry: carryFields(requests, ['tenantId']) });
 * ```
 *
 * With a storage that holds a `Map`, say `carryFields(storage, fields, { store: 'map' })`.
 * @throws {InvalidOptionsError} the source or a field is wrong
 */
export function carryFields(
  source: FieldStorage | FieldService,
  fields: readonly string[],
  { store = 'object' }: { readonly store?: 'object' | 'map' | undefined } = {},
): CarriedFields {
  const problems: OptionProblem[] = [...fieldProblems('fields', fields)];
  if (!isStorage(source) && !isService(source)) {
    const allowed = 'an AsyncLocalStorage, or the ClsService of nestjs-cls';
    problems.push({ option: 'source', value: kindOf(source), allowed });
  }
  if (store !== 'object' && store !== 'map') {
    problems.push({ option: 'store', value: store, allowed: '"object" or "map"' });
  }
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  const names = [...fields];
  return isStorage(source) ? ofStorage(source, names, store) : ofService(source, names);
}

/** Maximum number of fields: each is a header of every task. */
const MOST_FIELDS = 50;

function fieldProblems(option: string, fields: unknown): OptionProblem[] {
  if (!Array.isArray(fields) || fields.length === 0 || fields.length > MOST_FIELDS) {
    return [{ option, value: kindOf(fields), allowed: `an array of 1 to ${MOST_FIELDS} names` }];
  }
  return (fields as readonly unknown[]).flatMap((field, at) =>
    isText(field) ? [] : [{ option: `${option}.${at}`, value: field, allowed: TEXT_ALLOWED }],
  );
}

const isStorage = (source: unknown): source is FieldStorage => hasMethods(source, ['getStore', 'run']);

const isService = (source: unknown): source is FieldService => hasMethods(source, ['get', 'set', 'isActive', 'run']);

function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof Reflect.get(value, name) === 'function');
}

function ofStorage(storage: FieldStorage, fields: readonly string[], kind: 'object' | 'map'): CarriedFields {
  return {
    fields,
    get: (field) => {
      const store = storage.getStore();
      if (store instanceof Map) return store.get(field) as unknown;
      return typeof store === 'object' && store !== null ? Reflect.get(store, field) : undefined;
    },
    run: (values, handler) =>
      storage.run((kind === 'map' ? new Map(Object.entries(values)) : { ...values }) as never, handler),
  };
}

function ofService(service: FieldService, fields: readonly string[]): CarriedFields {
  return {
    fields,
    get: (field) => (service.isActive() ? service.get(field) : undefined),
    run: (values, handler) =>
      service.run(() => {
        for (const [field, value] of Object.entries(values)) service.set(field, value);
        return handler();
      }),
  };
}

/** Reads the option `carry`. */
export function readCarried(reader: OptionReader): CarriedFields | undefined {
  const carried = reader.callable<CarriedFields | undefined>('carry', undefined, ['get', 'run']);
  if (carried) reader.add(...fieldProblems('carry.fields', carried.fields));
  return carried;
}

/**
 * The headers with the fields of the current context; `undefined` when none of them has a value.
 * @throws {InvalidOptionsError} a value is neither text nor a number nor a boolean
 */
export function headersOfContext({ fields, get }: CarriedFields): Readonly<Record<string, string>> | undefined {
  const found: [name: string, value: string][] = [];
  const problems: OptionProblem[] = [];
  for (const field of fields) {
    const value = get(field);
    if (value === undefined || value === null) continue;
    if (typeof value === 'string') found.push([field, value.toWellFormed()]);
    else if (typeof value === 'number' || typeof value === 'boolean') found.push([field, String(value)]);
    else problems.push({ option: `carry.${field}`, value: kindOf(value), allowed: 'text, a number or a boolean' });
  }
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}

/** The fields that the headers of a task hold. */
export function fieldsIn(
  { fields }: CarriedFields,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    fields.filter((name) => Object.hasOwn(headers, name)).map((name) => [name, headers[name]!]),
  );
}
