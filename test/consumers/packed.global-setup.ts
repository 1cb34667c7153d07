import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { pack, type PackedPackages } from './packed.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Packed once for all files. */
    readonly packages: PackedPackages;
    /** A folder for the apps, removed at the end. */
    readonly scratch: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const scratch = await mkdtemp(join(tmpdir(), 'nestjs-asynq-consumers-'));
  project.provide('scratch', scratch);
  project.provide('packages', await pack(scratch));
  return () => rm(scratch, { recursive: true, force: true });
}
