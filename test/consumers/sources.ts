import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `greet()` of apps/greet.ts returns. */
export const GREETINGS = [
  'hello Ada, a guest',
  'archived: name must be a string',
  'hello nobody, a guest',
  'archived: nobody there',
  'one state: true',
];

export const appSource = (name: string): string => readFileSync(join(import.meta.dirname, 'apps', name), 'utf8');

const expected = JSON.stringify(GREETINGS);

/** A test for Jest and for Vitest with global functions. */
export const GREET_SPEC = `${appSource('greet.ts')}
declare const it: (name: string, test: () => Promise<void>) => void;
declare const expect: (value: unknown) => { toEqual(expected: unknown): void };
it('runs handlers', async () => expect(await greet()).toEqual(${expected}));
`;

/** A test with the matchers of the test kit, as JavaScript and TypeScript. */
export const matchersSpec = (runner: 'jest' | 'vitest'): string => `${
  runner === 'vitest' ? "import { expect, it } from 'vitest';" : ''
}
import 'nestjs-asynq/testing/${runner}';
import { RecordingTaskDistributor } from 'nestjs-asynq/testing';

it('sees what was enqueued', async () => {
  const tasks = new RecordingTaskDistributor();

  await tasks.enqueue('report', { month: 'May' }, { queue: 'low' });

  expect(tasks).toHaveEnqueued('report', { payload: { month: 'May' }, queue: 'low' });
  expect(tasks).not.toHaveEnqueued('invoice');
  expect(() => expect(tasks).toHaveEnqueued('report', { queue: 'high' })).toThrow('differs in');
});
`;

/** A test for Node's own runner. */
export const GREET_NODE_TEST = `import { it } from 'node:test';
import { deepEqual } from 'node:assert/strict';
${appSource('greet.ts')}
void it('runs handlers', async () => deepEqual(await greet(), ${expected}));
`;

/** A program. */
export const GREET_PROGRAM = `${appSource('greet.ts')}
void greet().then((said) => console.log(JSON.stringify(said)));
`;

export const GREETINGS_PRINTED = `${expected}\n`;
