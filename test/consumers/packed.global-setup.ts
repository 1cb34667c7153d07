import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { installNodes } from './node-versions.js';
import { pack, type PackedPackages } from './packed.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Packed once for all files. */
    readonly packages: PackedPackages;
    /** The programs of the Node versions that are tried, by their major version. */
    readonly nodes: Readonly<Record<string, string>>;
    /** A folder for the apps, removed at the end. */
    readonly scratch: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const scratch = await mkdtemp(join(tmpdir(), 'nestjs-asynq-consumers-'));
  project.provide('scratch', scratch);
  const [packages, nodes] = await Promise.all([pack(scratch), installNodes(scratch)]);
  project.provide('packages', packages);
  project.provide('nodes', nodes);
  return () => rm(scratch, { recursive: true, force: true });
}
