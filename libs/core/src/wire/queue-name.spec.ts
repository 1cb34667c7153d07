import { describe, expect, it } from 'vitest';
import { queueNameProblem } from './queue-name.js';

describe('queueNameProblem', () => {
  it.each(['default', 'emails:low', ' padded ', 'メール 🎉', '0', '\u200b'])('accepts %j', (name) => {
    expect(queueNameProblem('queue', name)).toBeUndefined();
  });

  it.each([
    ['empty', ''],
    ['blank', ' \t\n'],
    ["blank by Go's rules", '\u0085'],
    ["blank by JavaScript's rules", '\ufeff'],
    ['with an opening brace', 'a{b'],
    ['with a closing brace', 'a}b'],
    ['with half a surrogate pair', 'a\ud83c'],
    ['that is a number', 7],
    ['that is missing', undefined],
  ])('refuses a name %s', (_case, value) => {
    expect(queueNameProblem('queues.x', value)).toEqual({
      option: 'queues.x',
      value,
      allowed: 'well-formed text that is not blank and contains no { or }',
    });
  });
});
