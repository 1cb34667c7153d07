import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);

/** Sources of all tests. */
const files = ['libs', 'apps', 'test'].flatMap((folder) =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(spec|e2e-spec|contract)\.tsx?$/.test(path) && !/(^|\/)(node_modules|dist)\//.test(path))
    .map((path) => `${folder}/${path}`),
);

/** The text between a parenthesis and its closing one. */
function insideParentheses(source: string, openAt: number): string {
  let depth = 0;
  for (let at = openAt; at < source.length; at++) {
    if (source[at] === '(') depth++;
    if (source[at] === ')' && --depth === 0) return source.slice(openAt + 1, at);
  }
  return source.slice(openAt + 1);
}

// There it matches every object, so that the test cannot fail: say `NOTHING`, `expect.anything()`, or use `toEqual`.
it('has no test that expects an empty object where any object would do', () => {
  const vacuous = files.flatMap((file) => {
    const source = readFileSync(new URL(file, root), 'utf8');
    return [...source.matchAll(/(toMatchObject|objectContaining)\(/g)]
      .map(({ index, 0: call }) => insideParentheses(source, index + call.length - 1))
      .filter((expected) => /\w+: \{\}/.test(expected))
      .map((expected) => `${file}: ${expected}`);
  });

  expect(files.length).toBeGreaterThan(100);
  expect(vacuous).toEqual([]);
});
