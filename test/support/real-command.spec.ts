import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findRealCommand } from './real-command.js';

describe("the search for asynq's own command", () => {
  let folder: string;
  const warnings: string[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'asynq-real-command-'));
    vi.spyOn(console, 'warn').mockImplementation((line: string) => void warnings.push(line));
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    warnings.length = 0;
    await rm(folder, { recursive: true, force: true });
  });

  /** Replaces Go by a program that records its arguments and runs this shell text. */
  async function asGo(script: string): Promise<NodeJS.ProcessEnv> {
    const program = join(folder, 'go');
    await writeFile(program, `#!/bin/sh\necho "$@" >> '${folder}/calls'\n${script}\n`);
    await chmod(program, 0o755);
    return { PATH: `${folder}:${process.env['PATH']}` };
  }

  it('uses the named one', async () => {
    const named = join(folder, 'named');
    await writeFile(named, '');

    expect(await findRealCommand({ ASYNQ_COMMAND: named }, folder)).toBe(named);
    await expect(findRealCommand({ ASYNQ_COMMAND: `${named}-not` }, folder)).rejects.toThrow(/ASYNQ_COMMAND is .*-not/);
  });

  it('builds it once', async () => {
    const env = await asGo('touch "$GOBIN/asynq"');

    const built = [await findRealCommand(env, folder), await findRealCommand(env, folder)];

    expect(built).toEqual([join(folder, 'asynq'), join(folder, 'asynq')]);
    expect(await readFile(join(folder, 'calls'), 'utf8')).toMatch(/^install .*\/tools\/asynq@[0-9a-f]{40}\n$/);
    expect(warnings).toEqual([]);
  });

  it('prints one line when it is unavailable, and does not retry at once', async () => {
    const env = await asGo('printf "no such module\\nand more\\n" >&2; exit 1');

    const found = [await findRealCommand(env, folder), await findRealCommand(env, folder)];

    expect(found).toEqual([undefined, undefined]);
    expect(await readFile(join(folder, 'calls'), 'utf8')).toMatch(/^install .*\n$/);
    expect(warnings).toEqual([
      expect.stringMatching(/^The tests .* are skipped \(no such module\)/),
      expect.stringMatching(/^The tests .* are skipped \(an earlier build failed\)/),
    ]);
  });
});
