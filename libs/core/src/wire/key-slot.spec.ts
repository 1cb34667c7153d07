import { expect, it } from 'vitest';
import { keySlot } from './key-slot.js';
import { keys } from './keys.js';

it('agrees with Redis on the slots of keys', () => {
  // As `CLUSTER KEYSLOT` answers. 0x31C3 is the check value of the CRC.
  expect(keySlot('123456789')).toBe(0x31c3);
  expect(keySlot('foo')).toBe(12_182);
  expect(keySlot('foo{}{bar}')).toBe(8_363);
  expect(keySlot(keys.pending('{'))).toBe(keySlot('asynq:{{}:pending'));
});

it('puts all keys of a queue into the slot of its name', () => {
  expect(new Set([keys.pending('low'), keys.task('low', '}x{'), keys.group('low', 'g')].map(keySlot))).toEqual(
    new Set([keySlot('low')]),
  );
});
