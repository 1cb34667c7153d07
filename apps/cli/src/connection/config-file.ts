import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import { UsageError } from '../usage.error.js';

const DEFAULT_NAMES = ['.asynq.yaml', '.asynq.yml', '.asynq.json'];

/**
 * Settings from the file that `--config` names, else from the first of `$HOME/.asynq.yaml`, `.yml` and `.json`, else
 * none.
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
    // JSON is YAML, too. Everything stays the text that it is: `0123` is a password like others.
    content = parse(readFileSync(path, 'utf8'), { schema: 'failsafe' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return refuse(path, reasonOf(error));
  }
  if (content === null) return {};
  if (typeof content !== 'object' || Array.isArray(content)) return refuse(path, 'settings by name expected');
  return content as Record<string, unknown>;
}

/** Where the parser gave up, but not its message, which repeats lines of the file: a password may be in them. */
function reasonOf(error: unknown): string {
  if (!(error instanceof YAMLParseError)) return error instanceof Error ? error.message : String(error);
  const [at] = error.linePos ?? [];
  return `no YAML${at ? `: line ${at.line}, column ${at.col}` : ''}`;
}

function refuse(path: string, reason: string): never {
  throw new UsageError(`config file ${path}: ${reason}`);
}
