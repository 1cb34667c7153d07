/**
 * Hides fields from `util.inspect`, even with `showHidden`, and from JSON, and thus from logs: they lead to options
 * with a password. Private fields (`#deps`) would be hidden, too, but do not work through the proxies that
 * instrumentation puts around providers.
 */
export function hideFromLogs(target: object, ...fields: readonly string[]): void {
  for (const field of fields) {
    const value: unknown = Reflect.get(target, field);
    Object.defineProperty(target, field, { get: () => value, enumerable: false });
  }
}
