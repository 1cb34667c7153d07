import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { RedisCommandError } from './redis-command.error.js';
import { withoutSecrets } from './without-secrets.js';

const all = (value: unknown): string => inspect(value, { depth: 10, showHidden: true }) + JSON.stringify(value);

it('keeps the facts that explain the failure', () => {
  const error = Object.assign(new TypeError('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });

  const copy = withoutSecrets(new Error('Connection is closed.', { cause: error }));

  expect(copy.message).toBe('Connection is closed.');
  expect(copy.cause).toMatchObject({ name: 'TypeError', message: error.message, code: 'ECONNREFUSED' });
});

it.each([
  Object.assign(new Error('WRONGPASS invalid username-password pair'), { command: { name: 'auth', args: ['s3cret'] } }),
  Object.assign(new Error('Failed to refresh slots cache.'), {
    lastNodeError: Object.assign(new Error('NOAUTH'), { command: { name: 'cluster', args: ['s3cret'] } }),
  }),
  Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: 'redis://:s3cret@host:port' }),
  new Error("ERR unknown command 'EVALSHA', with args beginning with: 'abc' '1' 's3cret'"),
  new Error('no server at redis://user:a/s3cret@host/0'),
  new Error('no server at redis://host/0?password=s3cret'),
  new Error('outer', { cause: Object.assign(new Error('inner'), { input: 's3cret' }) }),
])('drops possible secrets: %s', (error) => {
  expect(all(error)).toContain('s3cret');

  expect(all(withoutSecrets(error))).not.toContain('s3cret');
  expect(all(new RedisCommandError('fetch', true, { cause: error }))).not.toContain('s3cret');
});
