import { describe, expect, it } from 'vitest';
import type { Script } from './script.js';
import * as scripts from './scripts.generated.js';

/** Commands whose cost does not depend on the length of `pending`. */
const BOUNDED = [
  /^'[LR]PUSH', /,
  /^'RPOP', pending$/,
  /^'LLEN', /,
  /^'LINDEX', .*, -1$/,
  /^'LRANGE', pending, -limit - \(#ARGV - args\), -1$/,
];
/** Removes the ids that were read from the end. */
const BOUNDED_TRIM = /^'LTRIM', pending, 0, -taken - #stay - 1$/;

const all = Object.values(scripts as unknown as Record<string, Script<never, never, never>>);

describe('scripts and a long list of pending tasks', () => {
  it.each(all.filter(({ lua }) => /\bpending\b/.test(lua)).map(({ name, lua }) => [name, lua]))(
    '%s does not walk it',
    (_, lua) => {
      const calls = [...lua.matchAll(/redis\.p?call\(((?:[^()]|\([^()]*\))*)\)/g)].map(([, call]) => call!);
      const onPending = calls.filter((call) => /^(?:'\w+'|[^,]*\bor '\w+'), pending\b/.test(call));

      const walks = onPending.filter(
        (call) => ![...BOUNDED, BOUNDED_TRIM, /^atHead and 'RPUSH' or 'LPUSH', /].some((form) => form.test(call)),
      );

      expect(walks).toEqual([]);
    },
  );

  it('removes a task from its middle in one way only, which searches 100,000 entries by default', () => {
    const walkers = all.filter(({ lua }) => /'LREM', source/.test(lua));

    for (const { lua } of walkers) {
      expect(lua).toContain('local walk = 100000');
      expect(lua).toContain("'LPOS', source, taskId, 'RANK', fromEnd, 'MAXLEN', walk");
      expect(lua).toContain('if isUnbounded then return');
    }
    expect(walkers.length).toBeGreaterThan(0);
  });
});
