import type { Connection } from '@nestjs-asynq/core';
import { exporterEnvironment } from './commands/metrics.js';
import { readConfigFile } from './connection/config-file.js';
import { addressOf, connectionOf, placeOf, usesTls } from './connection/connection-of.js';
import { diagnose } from './connection/diagnose.js';
import { readSettings, type Settings } from './connection/settings.js';
import { Context } from './context.js';
import { checkGivenFlags } from './given-flags.js';
import type { Io } from './io.js';

/** Opens the broker of the settings. */
export type Connect = (settings: Settings) => Connection;

interface CommandRun {
  readonly args: readonly string[];
  /** As the parser returned them. */
  readonly flags: unknown;
  /** Names of flags that may be given several times. */
  readonly variadic?: readonly string[] | undefined;
  readonly io: Io;
  readonly connect: Connect | undefined;
}

/**
 * Connects, performs the action of a command, and returns the exit status.
 * @throws {UsageError} a flag, the environment or the config file is invalid
 * @throws {UnreachableError} Redis cannot be reached
 */
export async function runCommand(
  { args, flags, variadic, io, connect = connectionOf }: CommandRun,
  action: (context: Context) => Promise<void>,
): Promise<number> {
  const given = flags as Readonly<Record<string, unknown>>;
  checkGivenFlags(args, given, variadic);
  const file = await readConfigFile(given['config'] as string | undefined, io.home);
  const isExporter = (given['_'] as readonly unknown[] | undefined)?.[0] === 'metrics';
  const settings = readSettings(given, isExporter ? exporterEnvironment(io.env) : io.env, file);
  const connection = connect(settings);
  await using context = new Context(io, connection, settings.cluster === true, given['json'] === true);
  await context.reach(addressOf(settings), () => diagnose(placeOf(settings), usesTls(settings)));
  await action(context);
  return context.status;
}
