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
  expect(table(['a', 'b'], [[1, 2]], 3).split('\n')).toEqual(['a    b', '---  ---', '1    2']);
});
