import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../usage.error.js';
import { readConfigFile } from './config-file.js';

describe('the config file', () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'asynq-cli-'));
  });

  afterEach(() => rmSync(home, { recursive: true }));

  it.each([
    ['.asynq.yaml', 'uri: h:1\ndb: 2\n'],
    ['.asynq.yml', 'uri: h:1\ndb: 2\n'],
    ['.asynq.json', '{ "uri": "h:1", "db": 2 }'],
  ])('is %s in the home folder', async (name, content) => {
    writeFileSync(join(home, name), content);

    expect(await readConfigFile(undefined, home)).toEqual({ uri: 'h:1', db: '2' });
  });

  it('may be missing there, or empty', async () => {
    expect(await readConfigFile(undefined, home)).toEqual({});
    writeFileSync(join(home, '.asynq.yaml'), '# nothing yet\n');

    expect(await readConfigFile(undefined, home)).toEqual({});
  });

  it('does not change a password', async () => {
    writeFileSync(join(home, '.asynq.yaml'), 'password: 0123\nusername: 1e3\n');

    expect(await readConfigFile(undefined, home)).toEqual({ password: '0123', username: '1e3' });
  });

  it('does not quote an invalid line', async () => {
    const path = join(home, 'wrong.yaml');
    writeFileSync(path, 'uri: h:1\npassword: "geheim\n');

    await expect(readConfigFile(path, home)).rejects.toThrow(
      new UsageError(`config file ${path}: no YAML: line 3, column 1`),
    );
  });

  it('must exist when it is named', async () => {
    await expect(readConfigFile(join(home, 'other.yaml'), home)).rejects.toThrow('no such file');
  });

  it.each(['- a list', '{ not closed', 'just text', 'ur1: h:1'])(
    'must contain settings by name, not "%s"',
    async (content) => {
      const path = join(home, 'wrong.yaml');
      writeFileSync(path, content);

      await expect(readConfigFile(path, home)).rejects.toThrow(UsageError);
    },
  );
});
