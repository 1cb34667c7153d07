import { expect, it } from 'vitest';
import { quoted, readShellLine } from './shell-line.js';

const read = (line: string) => {
  const { words, current } = readShellLine(line, { env: { WHERE: 'a b' }, home: '/home/ada' });
  return [...words, current.text];
};

it.each([
  ['', ['']],
  ['one two', ['one', 'two']],
  ['one  two ', ['one', 'two', '']],
  [String.raw`a\ b c\"d`, ['a b', 'c"d']],
  [`'a b'"c d"e`, ['a bc de']],
  [`'' ""`, ['', '']],
  [String.raw`"a\"b\c"`, [String.raw`a"b\c`]],
  [`"a 'b`, [`a 'b`]],
  [`$WHERE \${WHERE} "$WHERE" '$WHERE' $NOWHERE`, ['a b', 'a b', 'a b', '$WHERE', '$NOWHERE']],
  [`~/x a~/x '~/x'`, ['/home/ada/x', 'a~/x', '~/x']],
  ['中文 \\', ['中文', '']],
])('reads %j as %j', (line, words) => {
  expect(read(line)).toEqual(words);
});

it.each([
  ['a b', `a b`, ''],
  [`'a b`, `'a b`, "'"],
  [`'a' "b`, `"b`, '"'],
])('knows how the last word of %j was typed', (line, raw, quote) => {
  const { current } = readShellLine(line, { env: {}, home: '' });

  expect(current).toMatchObject({ raw: quote === '' ? 'b' : raw, quote });
});

it.each(["it's", 'a "b" $c `d` \\e', '中文 (x) [y] {z} *?!~#;&|<>'])('quotes %j so that it is read again', (text) => {
  expect(read(quoted(text, ''))).toEqual([text]);
  expect(read(`"${quoted(text, '"')}"`)).toEqual([text]);
  expect(read(`'${quoted(text, "'")}'`)).toEqual([text]);
});
