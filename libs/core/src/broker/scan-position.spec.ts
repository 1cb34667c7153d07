import { describe, expect, it } from 'vitest';
import {
  decodePlaceInList,
  decodePlaceInSet,
  encodePlaceInList,
  encodePlaceInSet,
  isPosition,
} from './scan-position.js';

describe('the position of a scan', () => {
  it.each(['1700000000', '-3', 'inf', '-inf', '1e+20', '1.5'])('keeps a score and any bytes: %s', (score) => {
    const member = Uint8Array.from([0xff, 0x3a, 0x2d, 0]);

    const position = encodePlaceInSet({ score, member });

    expect(position).toMatch(/^s[\w.:+-]+$/);
    expect(isPosition(position)).toBe(true);
    const place = decodePlaceInSet(position);
    expect([place.score, [...place.member]]).toEqual([score, [...member]]);
  });

  it('keeps the entries passed in a list', () => {
    const place = { index: 7, passed: [{ id: 'a:é', mark: '17', distance: 0 }] };

    const position = encodePlaceInList(place);

    expect(position).toMatch(/^\w[\w-]*$/);
    expect(isPosition(position)).toBe(true);
    expect(decodePlaceInList(position)).toEqual(place);
  });

  it.each(['', 'x', '7', '1:2', 'WzEsMl0', 'W10', Buffer.from('[-1]').toString('base64url')])('refuses %j', (text) => {
    expect(() => decodePlaceInSet(text)).toThrow('option "cursor"');
    expect(() => decodePlaceInList(text)).toThrow('option "cursor"');
  });
});
