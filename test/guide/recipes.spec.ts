import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Written for Vitest, which compiles files only; `.gitignore` lists the folder. */
const folder = join(import.meta.dirname, '.blocks');

interface Recipe {
  /** The heading above it. */
  readonly title: string;
  readonly code: string;
}

/** The code on a page of the guide that is a test. */
function recipesOf(page: string): Recipe[] {
  const markdown = readFileSync(join(import.meta.dirname, '../../docs/guide', page), 'utf8');
  return markdown
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const title = section.slice(0, section.indexOf('\n'));
      const blocks = section.matchAll(/^```ts\n(?<code>.*?)^```$/gms);
      return [...blocks].map(({ groups }) => ({ title, code: groups!['code']! }));
    })
    .filter(({ code }) => /^it\(/m.test(code));
}

mkdirSync(folder, { recursive: true });

describe.each([
  { page: 'test.md', fewest: 10 },
  { page: 'recipes.md', fewest: 3 },
])('$page', ({ page, fewest }) => {
  const recipes = recipesOf(page);

  it('has recipes', () => {
    expect(recipes.length).toBeGreaterThanOrEqual(fewest);
  });

  describe.each(recipes)('$title', async ({ title, code }) => {
    const file = join(folder, `${page}-${title.replaceAll(/\W+/g, '-')}.ts`);
    writeFileSync(file, code);
    await import(file);
  });
});
