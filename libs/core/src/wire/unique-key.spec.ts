import { describe, expect, it } from 'vitest';
import { uniqueKey } from './unique-key.js';

const json = new TextEncoder().encode('{"a":1}');

describe('uniqueKey', () => {
  it.each([
    ['no payload (nil in Go)', undefined, 'asynq:{q}:unique:ty:'],
    ['an empty payload', new Uint8Array(), 'asynq:{q}:unique:ty:d41d8cd98f00b204e9800998ecf8427e'],
    ['a payload', json, 'asynq:{q}:unique:ty:bb6cb5c68df4652941caf652a366f2d8'],
  ])("names Go's lock for %s", (_name, payload, expected) => {
    expect(uniqueKey('q', 'ty', payload)).toBe(expected);
  });

  it('hashes an explicit key instead of the payload', () => {
    expect(uniqueKey('q', 'ty', new Uint8Array([1]), '{"a":1}')).toBe(uniqueKey('q', 'ty', json));
    expect(uniqueKey('q', 'ty', undefined, '{"a":1}')).toBe(uniqueKey('q', 'ty', json));
  });

  it('accepts an empty explicit key', () => {
    expect(uniqueKey('q', 'ty', json, '')).toBe(uniqueKey('q', 'ty', new Uint8Array()));
  });
});
