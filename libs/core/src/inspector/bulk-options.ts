import type { Logger } from '../runtime/logger.js';
import { OptionReader } from '../runtime/option-reader.js';
import { callGuarded } from '../runtime/user-callback.js';

/** The progress of bulk work. */
export interface BulkProgress {
  /** Tasks processed so far. */
  readonly done: number;
  /** Tasks to process; grows while the search for matching tasks continues. */
  readonly total: number;
}

/** Options of bulk work. */
export interface BulkOptions {
  /** Stops the work between two steps; the call then rejects with the signal's reason. Completed steps are kept. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every step. Errors and rejections are logged and do not stop the work. */
  readonly onProgress?: ((progress: BulkProgress) => void) | undefined;
}

/**
 * The options, with an `onProgress` that cannot fail.
 * @param flags names of further boolean options
 * @param others names of options that are checked elsewhere
 * @throws {InvalidOptionsError} an option is wrong; all of them at once. In bulk work a typo must not mean "all"
 */
export function readBulkOptions<Options extends BulkOptions>(
  options: Options,
  logger: Logger,
  { flags = [], others = [] }: { readonly flags?: readonly string[]; readonly others?: readonly string[] } = {},
): Options {
  const reader = new OptionReader(options);
  reader.onlyKnown(['signal', 'onProgress', ...flags, ...others]);
  for (const flag of flags) reader.boolean(flag, false);
  reader.callable('signal', undefined, ['throwIfAborted', 'addEventListener']);
  reader.callable('onProgress', undefined);
  reader.throwIfWrong();
  const { onProgress } = options;
  if (!onProgress) return options;
  const report = (error: unknown): void => logger.error('onProgress failed', { error });
  return { ...options, onProgress: (progress) => callGuarded(() => onProgress(progress), report) };
}
