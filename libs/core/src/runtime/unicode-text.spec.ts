import { describe, expect, it } from 'vitest';
import { isText } from './unicode-text.js';

describe('isText', () => {
  it.each(['a', ' a ', '名前', '😀'])('takes %j', (text) => {
    expect(isText(text)).toBe(true);
  });

  it.each(['', ' \t\u0085', '\ud83d', 5, undefined])('refuses %j', (value) => {
    expect(isText(value)).toBe(false);
  });
});
