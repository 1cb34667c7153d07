import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { OptionReader } from './option-reader.js';

describe('OptionReader', () => {
  it('reads given options and falls back to defaults', () => {
    const options = new OptionReader({
      wait: '2s',
      count: 3,
      isOn: true,
      name: 'a',
      at: new Date(5),
      level: undefined,
    });

    const read = [
      options.duration('wait', 1),
      options.duration('level', 1),
      options.wholeNumber('count', 1, 0, 5),
      options.boolean('isOn', false),
      options.text('name', 'b'),
      options.date('at'),
      options.oneOf('level', ['low', 'high']),
    ];

    expect(read).toEqual([2_000, 1, 3, true, 'a', 5, undefined]);
    expect(options.problems).toEqual([]);
  });

  it('reports every wrong option at once, with path, value and allowed values', () => {
    const options = new OptionReader(
      { wait: 'soon', count: 1.5, isOn: 1, name: ' ', at: new Date(NaN), run: 'x' },
      'tasks.',
    );
    options.onlyKnown(['wait', 'count', 'isOn', 'name', 'at']);
    options.duration('wait', 1, { minMs: 1_000 });
    options.wholeNumber('count', 1, 0, 5);
    options.boolean('isOn', false);
    options.text('name', undefined);
    options.date('at');
    options.callable('run', undefined);

    const failure = catching(() => options.throwIfWrong());

    expect(failure.problems.map(({ option, allowed }) => `${option}: ${allowed}`)).toEqual([
      'tasks.run: only wait, count, isOn, name, at',
      "tasks.wait: milliseconds or text such as '10s', at least 1s",
      'tasks.count: a whole number from 0 to 5',
      'tasks.isOn: true or false',
      'tasks.name: text that is not blank, in valid Unicode',
      'tasks.at: a Date from 1970 to the year 9999',
      'tasks.run: a function',
    ]);
  });

  it.each([
    [Promise.resolve({ count: 1 }), 'a promise'],
    [new Map([['count', 1]]), 'a Map'],
    [new Set(['count']), 'a Set'],
    [new RangeError('count'), 'an Error'],
    [/count/, 'a RegExp'],
    [new Date('2030-01-01T00:00:00Z'), '2030-01-01T00:00:00.000Z'],
    [new Float64Array(2), 'a Float64Array'],
    [['count'], 'an array'],
  ])('takes no %o for options: it would count as none', (given, shown) => {
    expect(() => new OptionReader(given)).toThrow(`option "options" is ${shown}; allowed: an object`);
  });

  it('takes instances of classes and namespaces of modules for options', () => {
    class Settings {
      readonly count = 2;
    }

    expect(new OptionReader(new Settings()).wholeNumber('count', 1, 0, 5)).toBe(2);
    const namespace = Object.defineProperty({ count: 3 }, Symbol.toStringTag, { value: 'Module' });
    expect(new OptionReader(namespace).wholeNumber('count', 1, 0, 5)).toBe(3);
  });

  it('suggests the nearest name', () => {
    const options = new OptionReader({ maxRetires: 3 });

    options.onlyKnown(['maxRetry', 'timeout']);

    expect(options.problems[0]?.allowed).toBe('no option of this name; did you mean "maxRetry"?');
  });

  it('answers names of other libraries with what to use, and does not list many names', () => {
    const options = new OptionReader({ attempts: 3, zzzz: 1, maxRetry: 1 });

    options.onlyKnown(['maxRetry', 'b', 'c', 'd', 'e', 'f', 'g'], { attempts: '"maxRetry"', maxRetry: 'nothing' });

    expect(options.problems.map(({ allowed }) => allowed)).toEqual([
      'no option of this name; use "maxRetry"',
      'no option of this name',
    ]);
  });

  it.each([new Date(-1), new Date(Date.UTC(10_000, 0, 1)), '2030-01-01', 5])('refuses %s as a date', (at) => {
    const options = new OptionReader({ at });

    expect(options.date('at')).toBeUndefined();
    expect(options.problems).toHaveLength(1);
  });

  it('refuses text with half a surrogate pair', () => {
    const options = new OptionReader({ name: 'a\ud83d', emoji: 'a😀' });

    options.text('name', undefined);
    options.text('emoji', undefined);

    expect(options.problems.map(({ option }) => option)).toEqual(['name']);
  });

  it('requires every method of an object', () => {
    const options = new OptionReader({ codec: { encode: () => 1 } });

    options.callable('codec', undefined, ['encode', 'decode']);

    expect(options.problems[0]?.allowed).toBe('an object with encode, decode');
  });
});

function catching(run: () => void): InvalidOptionsError {
  try {
    run();
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error;
  }
  throw new Error('no InvalidOptionsError was thrown');
}
