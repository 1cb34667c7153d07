import { describe, expect, it } from 'vitest';
import { roundedCount, withLiteralKeys } from './literal-keys.js';
import * as scripts from './scripts.generated.js';

/** The first key of every call but those to a channel. */
const keysOf = (lua: string): string[] =>
  [...lua.matchAll(/redis\.p?call\('(\w+)', ([^,)]+)/g)]
    .filter(([, name]) => name !== 'PUBLISH')
    .map(([, , key]) => key!);

describe('withLiteralKeys', () => {
  it.each(Object.values(scripts).filter(({ name }) => !['fetch', 'fetch-next', 'check-rights'].includes(name)))(
    'leaves no key an expression in $name',
    ({ lua }) => {
      const keys = keysOf(withLiteralKeys(lua, 4));

      expect(keys.length).toBeGreaterThan(0);
      expect(keys.filter((key) => !/^KEYS\[\d+\]$/.test(key))).toEqual([]);
    },
  );

  it('leaves a call with a literal key as it is', () => {
    const lua = "return redis.call('GET', KEYS[1])";

    expect(withLiteralKeys(lua, 8)).toBe(lua);
  });

  it('passes what follows the key, and nothing when nothing does', () => {
    const lua = withLiteralKeys("local a = KEYS[1]\nredis.call('SET', a, f(1, 2))\nreturn redis.pcall('GET', a)", 1);

    expect(lua.split('\n').slice(-3)).toEqual([
      'local a = KEYS[1]',
      'call_by_key.SET[key_at[a]](f(1, 2))',
      'return pcall_by_key.GET[key_at[a]]()',
    ]);
  });

  it('makes a call that takes a list of keys for each of them', () => {
    const lua = withLiteralKeys("redis.call('DEL', unpack(keys, 2, n))", 2);

    expect(lua.split('\n')).toEqual([
      'local key_at, call_by_key, pcall_by_key, call_for_each, pcall_for_each = {}, {}, {}, {}, {}',
      'for i = 1, #KEYS do key_at[KEYS[i]] = i end',
      "call_by_key.DEL = { function(...) return redis.call('DEL', KEYS[1], ...) end, function(...) return redis.call('DEL', KEYS[2], ...) end }",
      'call_for_each.DEL = function(keys) for _, key in ipairs(keys) do call_by_key.DEL[key_at[key]]() end end',
      'call_for_each.DEL({ unpack(keys, 2, n) })',
    ]);
  });

  it('refuses a script whose keys it cannot find', () => {
    expect(() => withLiteralKeys("redis.call(f(), KEYS[1], 'GET', k)", 1)).toThrow('is an expression');
    expect(() => withLiteralKeys("redis.call('GET', redis.call('GET', k))", 1)).toThrow('the reply of a command');
  });
});

it.each([
  [1, 1],
  [2, 2],
  [3, 4],
  [9, 16],
  [1_006, 1_024],
])('makes a text for %d keys that serves %d', (count, rounded) => {
  expect(roundedCount(count)).toBe(rounded);
});
