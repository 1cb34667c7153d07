/**
 * Keeps the values of fields out of `util.inspect`, with `showHidden` too, and out of JSON, and so out of logs: options with
 * a password can be reached from them. Private fields (`#deps`) would do so too, but not through the proxies that
 * instrumentation puts around providers.
 */
export function hideFromLogs(target: object, ...fields: readonly string[]): void {
  for (const field of fields) {
    const value: unknown = Reflect.get(target, field);
    Object.defineProperty(target, field, { get: () => value, enumerable: false });
  }
}
