import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transpile, ModuleKind, ScriptTarget } from 'typescript';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'orphan-cleanup-'));
  const source = await readFile(new URL('./orphan-cleanup.ts', import.meta.url), 'utf8');
  const code = transpile(source, { module: ModuleKind.ESNext, target: ScriptTarget.ES2023 });
  await writeFile(join(dir, 'orphan-cleanup.mjs'), code);
});

afterEach(() => rm(dir, { recursive: true, force: true }));

/** A process that registers a cleanup and prints a line. */
async function testator(program: string): Promise<ReturnType<typeof spawn>> {
  const file = join(dir, 'testator.mjs');
  await writeFile(file, `import { OrphanCleanup } from './orphan-cleanup.mjs';\n${program}\nconsole.log('ready');\n`);
  const child = spawn(process.execPath, [file], { cwd: dir, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

it('runs the last command when its process is killed', async () => {
  const child = await testator(`
    const cleanup = new OrphanCleanup('touch first');
    cleanup.revise('touch second');
    setInterval(() => {}, 1000);
  `);

  child.kill('SIGKILL');

  await vi.waitFor(() => expect(existsSync(join(dir, 'second'))).toBe(true), { timeout: 5000 });
  expect(existsSync(join(dir, 'first'))).toBe(false);
});

it('runs nothing after its disposal', async () => {
  const child = await testator(`
    const disposed = new OrphanCleanup('touch disposed');
    new OrphanCleanup('touch kept');
    disposed[Symbol.dispose]();
  `);

  const ended = child.exitCode === null ? once(child, 'exit') : [child.exitCode];
  await vi.waitFor(() => expect(existsSync(join(dir, 'kept'))).toBe(true), { timeout: 5000 });

  expect((await ended)[0]).toBe(0);
  expect(existsSync(join(dir, 'disposed'))).toBe(false);
});
