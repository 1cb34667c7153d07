import { readFileSync } from 'node:fs';

/** `asynq version 1.2.3` */
export function versionText(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return `asynq version ${(JSON.parse(manifest) as { version: string }).version}`;
}
