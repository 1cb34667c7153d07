/** The command line, the environment or the config file asks for something that cannot be. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
