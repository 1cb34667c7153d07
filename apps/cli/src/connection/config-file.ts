import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { YAMLParseError } from 'yaml';
import { UsageError } from '../usage.error.js';
import { SETTINGS } from './settings.js';

const DEFAULT_NAMES = ['.asynq.yaml', '.asynq.yml', '.asynq.json'];

/**
 * Settings from the file named by `--config`, otherwise from the first of `$HOME/.asynq.yaml`, `.yml` and `.json`, if
 * any.
 * @throws {UsageError} the named file is missing, a file cannot be read as YAML or JSON, or has a name that is no setting
 */
export async function readConfigFile(
  named: string | undefined,
  home: string,
): Promise<Readonly<Record<string, unknown>>> {
  if (named !== undefined) return (await readFile(named)) ?? refuse(named, 'no such file');
  for (const name of DEFAULT_NAMES) {
    const settings = await readFile(join(home, name));
    if (settings) return settings;
  }
  return {};
}

async function readFile(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  let content: unknown;
  try {
    const text = readFileSync(path, 'utf8');
    const { parse } = await import('yaml'); // most people have no such file
    // JSON is YAML, too. All values stay text: `0123` may be a password.
    content = parse(text, { schema: 'failsafe' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return refuse(path, reasonOf(error));
  }
  if (content === null) return {};
  if (typeof content !== 'object' || Array.isArray(content)) return refuse(path, 'settings by name expected');
  const unknown = Object.keys(content).find((name) => !(name in SETTINGS));
  if (unknown !== undefined) {
    refuse(path, `${JSON.stringify(unknown)} is no setting; allowed: ${Object.keys(SETTINGS).join(', ')}`);
  }
  return content as Record<string, unknown>;
}

/**
 * The position of the parser's error, without its message, which quotes lines of the file: these may contain a
 * password.
 */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name !== 'YAMLParseError') return error.message;
  const [at] = (error as YAMLParseError).linePos ?? [];
  return `no YAML${at ? `: line ${at.line}, column ${at.col}` : ''}`;
}

function refuse(path: string, reason: string): never {
  throw new UsageError(`config file ${path}: ${reason}`);
}
