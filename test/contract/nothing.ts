import { expect } from 'vitest';

/** An object without properties, for `toMatchObject`: a bare `{}` there matches every object. */
export const NOTHING: object = expect.toSatisfy(
  (value: object) => Object.keys(value).length === 0,
  'is empty',
) as object;
