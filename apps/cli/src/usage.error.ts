/** The command line, the environment or the config file is invalid. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Whether an error is about the command line: by name and code, since core and the dashboard's part are bundled apart. */
export function isAboutUsage(error: unknown): boolean {
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  return name === 'UsageError' || code === 'INVALID_OPTIONS';
}
