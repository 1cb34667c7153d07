import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { THIS_NODE } from './consumer.js';
import { npm } from './packed.js';

/** Installs a Node of this major version from npm; returns its program. */
async function installNode(scratch: string, major: string): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(scratch, `node-${major}`);
  await mkdir(folder, { recursive: true });
  await npm(['install', '--no-save', '--prefix', folder, `${name}@${major}`], folder);
  return join(folder, 'node_modules', name, 'bin/node');
}

/** Returns the programs of all Node versions that are tried, by their major version: this one, and others, which it installs. */
export async function installNodes(scratch: string): Promise<Readonly<Record<string, string>>> {
  const others = ['20', '22', '24'].filter((major) => major !== THIS_NODE);
  const installed = await Promise.all(others.map(async (major) => [major, await installNode(scratch, major)] as const));
  return { [THIS_NODE]: process.execPath, ...Object.fromEntries(installed) };
}
