import * as core from '@nestjs-asynq/core';
import { expect, it } from 'vitest';
import * as nest from './index.js';

it('hands on every error of the core, so that apps can tell them apart without depending on it', () => {
  const errors = Object.keys(core).filter((name) => name.endsWith('Error'));

  const same = errors.filter((name) => Reflect.get(nest, name) === Reflect.get(core, name));

  expect(errors).toContain('RedisCommandError');
  expect(same).toEqual(errors);
});
