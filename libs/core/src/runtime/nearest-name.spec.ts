import { describe, expect, it } from 'vitest';
import { nearestName } from './nearest-name.js';

const known = ['maxRetry', 'timeout', 'deadline', 'queue'];

describe('nearestName', () => {
  it.each([
    ['maxRetires', 'maxRetry'],
    ['maxretry', 'maxRetry'],
    ['tiemout', 'timeout'],
    ['deadlines', 'deadline'],
    ['queu', 'queue'],
  ])('suggests %s -> %s', (given, meant) => {
    expect(nearestName(given, known)).toBe(meant);
  });

  it.each(['priority', 'x', ''])('suggests nothing for %j', (given) => {
    expect(nearestName(given, known)).toBeUndefined();
  });
});
