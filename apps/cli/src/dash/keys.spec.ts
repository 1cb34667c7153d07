import { expect, it } from 'vitest';
import { BINDINGS, commandOf, type SpecialKeys } from './keys.js';

const NONE = { upArrow: false, downArrow: false, leftArrow: false, rightArrow: false };
const PLAIN: SpecialKeys = { ...NONE, return: false, escape: false, ctrl: false };

it.each([
  ['k', {}, 'up'],
  ['', { upArrow: true }, 'up'],
  ['', { downArrow: true }, 'down'],
  ['', { leftArrow: true }, 'left'],
  ['', { rightArrow: true }, 'right'],
  ['\r', { return: true }, 'open'],
  ['\r', {}, 'open'],
  ['', { escape: true }, 'back'],
  ['p', {}, 'previousPage'],
  ['P', {}, 'pause'],
  ['l', {}, 'right'],
  ['l', { ctrl: true }, 'redraw'],
  ['c', { ctrl: true }, 'quit'],
  ['x', {}, undefined],
])('reads %j with %o as %s', (input, special, command) => {
  expect(commandOf(input, { ...PLAIN, ...special }, false)).toBe(command);
});

it('accepts only y as yes', () => {
  const answers = ['y', 'n', 'Y', 'q', 'D'].map((input) => commandOf(input, PLAIN, true));

  expect(answers).toEqual(['yes', 'no', 'no', 'no', 'no']);
  expect(commandOf('c', { ...PLAIN, ctrl: true }, true)).toBe('quit');
});

it('binds no key twice', () => {
  const keys = BINDINGS.flatMap((binding) => binding.keys);

  expect(new Set(keys).size).toBe(keys.length);
});
