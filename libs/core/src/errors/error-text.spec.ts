import { describe, expect, it } from 'vitest';
import { asError } from './as-error.js';
import { errorText, LONGEST_ERROR_BYTES } from './error-text.js';

const trap = (): never => {
  throw new Error('looked at');
};
const traps: ProxyHandler<object> = { get: trap, has: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap };

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function withGetter(name: string): Error {
  return Object.defineProperty(new Error('boom'), name, { get: trap });
}

function circular(): Error {
  const error = new AggregateError([]);
  error.errors.push(error);
  error.name = 'Error';
  return error;
}

describe('errorText', () => {
  it.each([
    ['an error', new Error('boom'), 'boom'],
    ['an error without a message', new TypeError(), 'TypeError'],
    ['a text', 'boom', 'boom'],
    ['null', null, 'null'],
    ['nothing', undefined, 'undefined'],
    ['a symbol', Symbol('boom'), 'Symbol(boom)'],
    ['a BigInt', 5n, '5'],
    ['an object with a message', { message: 'boom' }, 'boom'],
    ['an object with a message and a code', { code: 'E1', message: 'boom' }, 'boom (E1)'],
    ['an object with a code as part of its message', { code: 401, message: 'status 401' }, 'status 401'],
    ['an object with an object as its message', { message: { reason: 'boom' } }, "{ message: { reason: 'boom' } }"],
    ['another object', { code: 7 }, '{ code: 7 }'],
    ['an array', ['a', { b: 1 }], "[ 'a', { b: 1 } ]"],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['a map', new Map([['a', 1]]), "Map(1) { 'a' => 1 }"],
    ['errors that are gathered', new AggregateError([new Error('one'), 'two', new Error('one')]), 'one; two'],
    ['an error with a cause alone', new TypeError('', { cause: new Error('boom') }), 'TypeError: boom'],
    ['an error with a code alone', Object.assign(new Error(), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    ['an error that gathers itself', circular(), 'Error'],
    [
      'an error that was given an object',
      new Error({ code: 1 } as unknown as string),
      'Error with an object as its message, which is lost: pass a text',
    ],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { message: 'boom' }), 'boom'],
    ['half of a surrogate pair', new Error('a\ud800'), 'a\ufffd'],
  ])('reads %s', (_name, thrown, text) => {
    expect(errorText(thrown)).toBe(text);
  });

  it.each([
    ['a proxy with traps', new Proxy(new Error('boom'), traps)],
    ['a proxy of a function', new Proxy(() => undefined, traps)],
    ['a revoked proxy', revoked()],
    ['a message that throws', withGetter('message')],
    ['a message that is a symbol with a name that throws', Object.assign(withGetter('name'), { message: '' })],
    ['a toString that throws', { toString: trap }],
    ['a toString that returns an object', { toString: () => ({}) }],
    ['an empty text', ''],
  ])('never throws for %s, and is never empty', (_name, thrown) => {
    expect(errorText(thrown)).toBe('an error that cannot be read');
  });

  it.each([['a'], ['é'], ['€'], ['😀'], ['a😀']])('cuts a long text of "%s" between two characters', (character) => {
    const text = errorText(new Error(character.repeat(200_000)));

    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LONGEST_ERROR_BYTES);
    expect(Buffer.byteLength(text)).toBeGreaterThan(LONGEST_ERROR_BYTES - 8);
    expect(text.isWellFormed()).toBe(true);
    expect(text.endsWith('… (cut)')).toBe(true);
  });

  it('keeps a text of exactly the maximum length', () => {
    const text = '€'.repeat(LONGEST_ERROR_BYTES / 3);

    expect(errorText(text)).toBe(text);
  });
});

describe('asError', () => {
  it('returns an error unchanged, and wraps anything else', () => {
    const error = new Error('boom');

    expect(asError(error)).toBe(error);
    expect(asError('boom').message).toBe('boom');
    expect(asError(new Proxy({}, traps)).message).toBe('an error that cannot be read');
  });
});
