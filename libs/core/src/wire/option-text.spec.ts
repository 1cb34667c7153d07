import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { characterAt, indexOfCharacter, LAST_CHARACTER } from '../test-support/any-character.js';
import { formatGoDuration, parseGoDuration } from './go-duration.js';
import { optionText } from './option-text.js';

/** The text forms of Go's options; test/interop/golden/README.md explains the file. */
interface Recording {
  readonly call: string;
  readonly string: string;
}

const golden = new URL('../../../../test/interop/golden/option-strings.json', import.meta.url);
const recordings = JSON.parse(readFileSync(golden, 'utf8')) as Recording[];

const hexText = (hex: string): string => Buffer.from(hex, 'hex').toString();

/** Our text for a recorded call; `undefined` when we do not support its argument. */
function ownText(call: string): string | undefined {
  const [, name, args = ''] = /^(\w+)\((.*)\)$/.exec(call)!;
  const [first = '', second = ''] = args.split(',').map((arg) => arg.replace(/ ?hex$/, '').trim());
  switch (name) {
    case 'MaxRetry':
      return Number(first) < 0 ? undefined : optionText.maxRetry(Number(first)); // Go writes it as 0
    case 'Queue':
      return isUtf8(first) ? optionText.queue(hexText(first)) : undefined;
    case 'TaskID':
      return isUtf8(first) ? optionText.taskId(hexText(first)) : undefined;
    case 'Group':
      return isUtf8(first) ? optionText.group(hexText(first)) : undefined;
    case 'Header':
      return isUtf8(first) ? optionText.header(hexText(first), hexText(second)) : undefined;
    case 'Deadline':
      return inUtc(first, optionText.deadline);
    case 'ProcessAt':
      return inUtc(first, optionText.processAt);
    default:
      return `${name}(${formatGoDuration(BigInt(first.replace(' ns', '')))})`;
  }
}

const isUtf8 = (hex: string): boolean => Buffer.from(hexText(hex)).toString('hex') === hex;

function inUtc(time: string, text: (atMs: number) => string): string | undefined {
  return /^\d{4}-[^ ]*Z UTC$/.test(time) ? text(Date.parse(time.slice(0, -' UTC'.length))) : undefined;
}

describe('optionText compared with the recordings from Go', () => {
  const comparable = recordings.filter(({ call }) => ownText(call) !== undefined);

  it('compares nearly all of them', () => {
    expect([recordings.length, comparable.length]).toEqual([106, 91]);
  });

  it.each(comparable)('writes $string', ({ call, string }) => {
    expect(ownText(call)).toBe(string);
  });
});

it('always has the parenthesis without which Go panics, right after the name', () => {
  const character = fc.nat(LAST_CHARACTER).map(characterAt, indexOfCharacter);
  const anyText = fc.string({ unit: character, maxLength: 20 });
  const anyLength = fc.double({ min: 0, max: 1e12, noNaN: true });
  const anyTime = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) });
  const texts = fc
    .tuple(anyText, anyText, anyLength, anyTime)
    .map(([one, other, lengthMs, atMs]) => [
      optionText.maxRetry(Math.floor(lengthMs)),
      ...(['queue', 'taskId', 'group'] as const).map((option) => optionText[option](one)),
      ...(['timeout', 'unique', 'processIn', 'retention'] as const).map((option) => optionText[option](lengthMs)),
      ...(['deadline', 'processAt'] as const).map((option) => optionText[option](atMs)),
      optionText.header(one, other),
    ]);

  fc.assert(
    fc.property(texts, (all) => {
      for (const text of all) expect(text).toMatch(/^[A-Z][A-Za-z]+\(.*\)$/u);
    }),
  );
});

describe('parseGoDuration', () => {
  it('reads what it wrote', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }), (ns) => {
        expect(parseGoDuration(formatGoDuration(ns))).toBe(ns);
      }),
    );
  });

  it.each([
    ['0', 0n],
    ['-1h30m', -5_400_000_000_000n],
    ['+.5s', 500_000_000n],
    ['1.s', 1_000_000_000n],
    ['1us', 1_000n],
    ['1µs1μs', 2_000n],
  ])('reads %s', (text, ns) => {
    expect(parseGoDuration(text)).toBe(ns);
  });

  it.each(['', '-', '1', '1d', 's', '.s', '1s ', ' 1s', '1.2.3s', '9223372037s', '--1s'])('refuses "%s"', (text) => {
    expect(parseGoDuration(text)).toBeUndefined();
  });
});
