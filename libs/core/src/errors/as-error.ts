/** What was thrown, as an error: some throw texts, or nothing at all. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
