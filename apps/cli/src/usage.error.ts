/** The command line, the environment or the config file is invalid. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
