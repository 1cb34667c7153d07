/**
 * Keeps fields out of `util.inspect` and JSON, and so out of logs: options with a password can be reached from them. Private
 * fields (`#deps`) would do so too, but not through the proxies that instrumentation puts around providers.
 */
export function hideFromLogs(target: object, ...fields: readonly string[]): void {
  for (const field of fields) Object.defineProperty(target, field, { enumerable: false });
}
