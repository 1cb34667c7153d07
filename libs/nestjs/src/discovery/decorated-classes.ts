/** A class, as decorators see it. */
type Class = abstract new (...args: never[]) => unknown;

/** Classes with decorated methods of this process, held weakly: what is no longer used can be in no module either. */
const decorated: WeakRef<Class>[] = [];
const known = new WeakSet<Class>();
const reported = new WeakSet<Class>();

/** Called by decorators of methods. */
export function noteDecorated(owner: unknown): void {
  const found = owner as Class;
  if (known.has(found)) return;
  known.add(found);
  decorated.push(new WeakRef(found));
}

/**
 * Decorated classes that neither are among the classes of an app nor have a subclass there. Each is returned once in a process.
 * @param provided prototypes of all providers and controllers of the app
 */
export function unprovidedClasses(provided: Iterable<object>): Class[] {
  const used = new Set<unknown>();
  for (const prototype of provided) {
    for (let at: object | null = prototype; at; at = Reflect.getPrototypeOf(at)) used.add(at.constructor);
  }
  const missing = decorated.map((ref) => ref.deref()).filter((found) => found !== undefined && !used.has(found));
  const news = (missing as Class[]).filter((found) => !reported.has(found));
  for (const found of news) reported.add(found);
  return news;
}
