import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { npm } from './packed.js';

/** Installs a Node of this major version from npm; returns its program. */
export async function installNode(scratch: string, major: string): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(scratch, `node-${major}`);
  await mkdir(folder, { recursive: true });
  await npm(['install', '--no-save', '--prefix', folder, `${name}@${major}`], folder);
  return join(folder, 'node_modules', name, 'bin/node');
}
