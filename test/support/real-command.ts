import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The commit of asynq behind the recordings in `test/interop/golden`. */
const COMMIT = '785bb7208cb0766877fcc20ac1dbebe857a43c9b';
const FOLDER = join(import.meta.dirname, '../../node_modules/.cache/nestjs-asynq', `command-${COMMIT.slice(0, 8)}`);
const INSTALL_TIMEOUT_MS = 120_000;
/** How long a failure is remembered, so that it costs a run nothing. */
const REMEMBERED_MS = 24 * 3_600_000;

/**
 * Path of the `asynq` command of Go's asynq: `ASYNQ_COMMAND`, else built from its Go module, once. `undefined` if that
 * fails; one line prints the reason, and its tests are skipped.
 */
export async function findRealCommand(
  env: NodeJS.ProcessEnv = process.env,
  folder = FOLDER,
): Promise<string | undefined> {
  const given = env['ASYNQ_COMMAND'];
  if (given !== undefined) {
    if (!existsSync(given)) throw new Error(`ASYNQ_COMMAND is ${given}: no such file`);
    return given;
  }
  const binary = join(folder, 'asynq');
  if (existsSync(binary)) return binary;
  const failure = (await isRemembered(folder)) ? 'an earlier build failed' : await install(folder, env);
  if (failure === undefined) return binary;
  console.warn(`The tests with asynq's own command are skipped (${failure}); ASYNQ_COMMAND may name one.`);
  return undefined;
}

/** Why it failed; `undefined` when the command exists. */
async function install(folder: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  mkdirSync(folder, { recursive: true });
  const module = `github.com/hibiken/asynq/tools/asynq@${COMMIT}`;
  try {
    await promisify(execFile)('go', ['install', module], {
      env: { ...env, GOBIN: folder, GIT_TERMINAL_PROMPT: '0' },
      timeout: INSTALL_TIMEOUT_MS,
    });
    return undefined;
  } catch (error) {
    writeFileSync(join(folder, 'failed'), String(error));
    return String((error as { stderr?: string }).stderr || error)
      .trim()
      .split('\n')[0]!;
  }
}

async function isRemembered(folder: string): Promise<boolean> {
  const failed = statSync(join(folder, 'failed'), { throwIfNoEntry: false });
  return failed !== undefined && Date.now() - failed.mtimeMs < REMEMBERED_MS;
}
