import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { LeaseLostError } from './lease-lost.error.js';
import { loggableError } from './loggable-error.js';

const SECRET = 'hunter2-9f';

/** As axios makes them. */
class HttpClientError extends Error {
  readonly isHttpClientError = true;
  readonly code = 'ERR_BAD_REQUEST';
  readonly config = { headers: { Authorization: `Bearer ${SECRET}` }, data: 'x'.repeat(10_000) };
  readonly request = { _header: `Authorization: Bearer ${SECRET}` };
  readonly response = { status: 401, config: this.config };

  override get name(): string {
    return 'HttpClientError';
  }
}

const shown = (error: Error): string => inspect(error, { depth: 12, showHidden: true });

it('keeps class, name, message, code and stack of an error, and nothing else', () => {
  const error = new HttpClientError('Request failed with status code 401');

  const copy = loggableError(error);

  expect(copy).toBeInstanceOf(Error);
  expect(Object.entries(copy)).toEqual([['code', 'ERR_BAD_REQUEST']]);
  expect(copy.name).toBe('HttpClientError');
  expect(copy.constructor.name).toBe('HttpClientError');
  expect(copy.message).toBe('Request failed with status code 401');
  expect(copy.stack).toBe(error.stack);
  expect(shown(copy)).not.toContain(SECRET);
});

it('does so for causes and gathered errors', () => {
  const inner = new HttpClientError('inner');
  const error = new Error('outer', { cause: new AggregateError([inner, 'odd'], 'several') });

  const copy = loggableError(error);

  const gathered = (copy.cause as AggregateError).errors as Error[];
  expect(gathered.map(({ message }) => message)).toEqual(['inner', 'odd']);
  expect(shown(copy)).not.toContain(SECRET);
});

it('ends at a circular cause', () => {
  const error = new HttpClientError('round');
  error.cause = new Error('and', { cause: error });

  expect(shown(loggableError(error))).not.toContain(SECRET);
});

it.each([
  ['a plain error', new TypeError('boom')],
  ['an error with a code', Object.assign(new Error('boom'), { code: 'ECONNREFUSED' })],
  ['an error of our own', new LeaseLostError('default', 'x')],
])('returns %s unchanged', (_name, error) => {
  expect(loggableError(error)).toBe(error);
});

it('removes user and password from addresses', () => {
  const error = new Error(`connect failed: postgres://app:${SECRET}@db:5432/app`);

  expect(loggableError(error).message).toBe('connect failed: postgres://…@db:5432/app');
  expect(loggableError(error).stack).not.toContain(SECRET);
});

it('cuts long messages and stacks', () => {
  const copy = loggableError(new Error('x'.repeat(100_000)));

  expect(copy.message).toHaveLength(2_048 + ' … (cut)'.length);
  expect(copy.stack!.length).toBeLessThan(8_300);
});

it.each([
  ['an object with a code and a message', { code: 'E1', message: 'boom', token: SECRET }, 'boom (E1)'],
  ['a text', 'boom', 'boom'],
  ['nothing', undefined, 'undefined'],
  [
    'a proxy that throws',
    new Proxy(new Error('boom'), {
      get: () => {
        throw new Error('looked at');
      },
    }),
    'an error that cannot be read',
  ],
])('makes an error of %s', (_name, thrown, message) => {
  const error = loggableError(thrown);

  expect(error.message).toBe(message);
  expect(shown(error)).not.toContain(SECRET);
});
