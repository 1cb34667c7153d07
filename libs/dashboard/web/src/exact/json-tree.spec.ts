import { describe, expect, it } from 'vitest';
import { parseJsonTree, printJson } from './json-tree.js';

describe('parseJsonTree', () => {
  it('keeps every digit of a number', () => {
    const tree = parseJsonTree('{"id":12345678901234567890,"price":1.10,"far":1e400}');

    expect(tree && printJson(tree)).toBe('{"id":12345678901234567890,"price":1.10,"far":1e400}');
  });

  it('keeps equal keys and the order of keys', () => {
    const tree = parseJsonTree('{"b":1,"10":2,"b":3,"2":4}');

    expect(tree).toMatchObject({
      kind: 'object',
      entries: [
        ['b', {}],
        ['10', {}],
        ['b', { text: '3' }],
        ['2', {}],
      ],
    });
  });

  it('keeps a key that objects treat specially', () => {
    expect(parseJsonTree('{"__proto__":{"a":1}}')).toMatchObject({ entries: [['__proto__', { kind: 'object' }]] });
  });

  it('reads escapes in strings', () => {
    expect(parseJsonTree(String.raw`"\u00e9\n\"\ud800"`)).toEqual({ kind: 'string', text: 'é\n"\ud800' });
  });

  it.each(['', '{', '[1,]', '{"a"}', '01', '1 2', "{'a':1}", '{"a":1,}', '"\n"', 'nul', '[1', '.5', '+1'])(
    'takes %j for no JSON, as JSON.parse does',
    (source) => {
      expect(() => JSON.parse(source)).toThrow(SyntaxError);
      expect(parseJsonTree(source)).toBeUndefined();
    },
  );

  it('gives up on text that is nested too deep', () => {
    expect(parseJsonTree('['.repeat(100_000) + ']'.repeat(100_000))).toBeUndefined();
  });

  it('prints over several lines as JSON.stringify does', () => {
    const value = { a: [1, { b: 'x' }, []], c: {}, d: null, e: true };

    const tree = parseJsonTree(JSON.stringify(value));

    expect(tree && printJson(tree, 2)).toBe(JSON.stringify(value, null, 2));
  });
});
