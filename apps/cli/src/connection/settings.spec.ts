import { describe, expect, it } from 'vitest';
import { UsageError } from '../usage.error.js';
import { readSettings } from './settings.js';

describe('settings', () => {
  it('come from the flag, then ASYNQ_…, then the bare variable, then the file', () => {
    const settings = readSettings(
      { uri: 'flag' },
      { ASYNQ_URI: 'own', URI: 'bare', ASYNQ_PASSWORD: 'own', PASSWORD: 'bare', USERNAME: 'bare', TLS_SERVER: '' },
      { uri: 'file', username: 'file', tls_server: 'file' },
    );

    expect(settings).toEqual({ uri: 'flag', password: 'own', username: 'file', tls_server: 'file' });
  });

  it('turn text into numbers and switches', () => {
    const settings = readSettings({}, { DB: '3', ASYNQ_TLS: 'T', INSECURE: '0' }, { cluster: 'False' });

    expect(settings).toEqual({ db: 3, tls: true, insecure: false });
  });

  it('ignore the name of the logged-in user', () => {
    expect(readSettings({}, { USERNAME: 'ada' }, {})).toEqual({});
    expect(readSettings({}, { ASYNQ_USERNAME: 'ada' }, {})).toEqual({ username: 'ada' });
  });

  it.each([
    [{ db: Number.NaN }, {}, {}, '--db is "NaN": a whole number expected'],
    [{}, { DB: 'one' }, {}, 'DB is "one": a whole number expected'],
    [{}, { ASYNQ_TLS: 'maybe' }, {}, 'ASYNQ_TLS is "maybe": true or false expected'],
    [{}, {}, { cluster: 'no' }, '"cluster" in the config file is "no": true or false expected'],
  ])('refuse invalid values, and name their source', (flags, env, file, message) => {
    expect(() => readSettings(flags, env, file)).toThrow(new UsageError(message));
  });
});
