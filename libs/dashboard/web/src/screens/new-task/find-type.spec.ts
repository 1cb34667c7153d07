import { expect, it } from 'vitest';
import { findType } from './find-type.js';

const types = ['email:', 'email:welcome', 'report'].map((type) => ({ type, schema: undefined }));

it.each([
  ['email:welcome', 'email:welcome'],
  ['email:welcome:again', 'email:welcome'],
  ['email:bye', 'email:'],
  ['reports', 'report'],
  ['mail', undefined],
  ['', undefined],
])('the type %j is run by the handler of %j', (type, pattern) => {
  expect(findType(types, type)?.type).toBe(pattern);
});
