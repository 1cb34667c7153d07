import type { PeriodicTaskOptions } from '@nestjs-asynq/core/internal';
import fc from 'fast-check';
import { characterAt, indexOfCharacter, LAST_CHARACTER } from '../support/test-queue.js';

const character = fc.nat(LAST_CHARACTER).map(characterAt, indexOfCharacter);
const text = fc.string({ unit: character, minLength: 1, maxLength: 12 }).filter((value) => value.isWellFormed());
const name = text.filter((value) => /[^\s\u0085]/.test(value) && !/[{}]/.test(value));
const lengthMs = fc.integer({ min: 1_000, max: 10_000_000_000 });
const time = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }).map((atMs) => new Date(atMs));

/** Options of every kind, with texts that are hard to quote. */
export const anyPeriodicOptions: fc.Arbitrary<PeriodicTaskOptions> = fc.record(
  {
    queue: name,
    taskId: name,
    maxRetry: fc.nat(),
    timeout: lengthMs,
    deadline: time,
    unique: lengthMs,
    processIn: lengthMs,
    retention: lengthMs,
    headers: fc.dictionary(text, text, { maxKeys: 3 }),
  },
  { requiredKeys: [] },
);
