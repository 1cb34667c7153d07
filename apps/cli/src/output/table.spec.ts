import { expect, it } from 'vitest';
import { table } from './table.js';

it('prints titles, dashes and rows in columns, without frame or trailing blanks', () => {
  const printed = table(
    ['ID', 'Type'],
    [
      ['task-1', 'email'],
      ['日本', 7],
      ['two\nlines', ''],
    ],
  );

  expect(printed.split('\n')).toEqual([
    'ID          Type',
    '--          ----',
    'task-1      email',
    '日本        7',
    'two\\nlines',
  ]);
});

it('prints the given number of dashes, by default one per character', () => {
  expect(table(['größe🎉'], [])).toBe('größe🎉\n------');
  expect(table(['a', 'b'], [[1, 2]], { dashes: 3 }).split('\n')).toEqual(['a    b', '---  ---', '1    2']);
});

it('cuts the widest columns where a line is limited', () => {
  const printed = table(['ID', 'Payload', 'Error'], [['task-1', 'x'.repeat(1_000_000), '日本'.repeat(20)]], {
    width: 40,
  });

  expect(printed.split('\n')).toEqual([
    'ID      Payload          Error',
    '--      -------          -----',
    `task-1  ${'x'.repeat(14)}…  日本日本日本日…`,
  ]);
});

it('escapes titles, too: a queue may be named anything', () => {
  expect(table(['a\u001b[31m'], [])).toBe('a\\u001b[31m\n-----------');
});
