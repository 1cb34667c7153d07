import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import { UsageError } from '../usage.error.js';

const DEFAULT_NAMES = ['.asynq.yaml', '.asynq.yml', '.asynq.json'];

/**
 * Settings from the file named by `--config`, otherwise from the first of `$HOME/.asynq.yaml`, `.yml` and `.json`, if
 * any.
 * @throws {UsageError} the named file is missing, or a file cannot be read as YAML or JSON
 */
export function readConfigFile(named: string | undefined, home: string): Readonly<Record<string, unknown>> {
  if (named !== undefined) return readFile(named) ?? refuse(named, 'no such file');
  for (const name of DEFAULT_NAMES) {
    const settings = readFile(join(home, name));
    if (settings) return settings;
  }
  return {};
}

function readFile(path: string): Readonly<Record<string, unknown>> | undefined {
  let content: unknown;
  try {
    // JSON is YAML, too. All values stay text: `0123` may be a password.
    content = parse(readFileSync(path, 'utf8'), { schema: 'failsafe' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return refuse(path, reasonOf(error));
  }
  if (content === null) return {};
  if (typeof content !== 'object' || Array.isArray(content)) return refuse(path, 'settings by name expected');
  return content as Record<string, unknown>;
}

/**
 * The position of the parser's error, without its message, which quotes lines of the file: these may contain a
 * password.
 */
function reasonOf(error: unknown): string {
  if (!(error instanceof YAMLParseError)) return error instanceof Error ? error.message : String(error);
  const [at] = error.linePos ?? [];
  return `no YAML${at ? `: line ${at.line}, column ${at.col}` : ''}`;
}

function refuse(path: string, reason: string): never {
  throw new UsageError(`config file ${path}: ${reason}`);
}
