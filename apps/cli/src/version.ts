import { readFileSync } from 'node:fs';

/** `asynq version 1.2.3` */
export const versionText = (): string => `asynq version ${version()}`;

/** `1.2.3` */
export function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
