/** A class, as decorators see it. */
type Class = abstract new (...args: never[]) => unknown;

/** Classes with decorated methods of this process, held weakly: what is no longer used can be in no module either. */
const decorated: WeakRef<Class>[] = [];
const known = new WeakSet<Class>();
/** In a module of some app of this process, or reported to be in none. */
const settled = new WeakSet<Class>();

/** Called by decorators of methods. */
export function noteDecorated(owner: unknown): void {
  const found = owner as Class;
  if (known.has(found)) return;
  known.add(found);
  decorated.push(new WeakRef(found));
}

/**
 * Notes the classes of an app, with those that they extend.
 * @param prototypes of all its providers and controllers
 */
export function noteProvided(prototypes: Iterable<object>): void {
  for (const prototype of prototypes) {
    for (let at: object | null = prototype; at; at = Reflect.getPrototypeOf(at)) {
      if (typeof at.constructor === 'function') settled.add(at.constructor as unknown as Class);
    }
  }
}

/** Decorated classes that neither are in a module of any app so far nor have a subclass there. Each is returned once in a process. */
export function unprovidedClasses(): Class[] {
  const alive = decorated.map((ref) => ref.deref()).filter((found) => found !== undefined);
  const missing = alive.filter((found) => !settled.has(found));
  for (const found of missing) settled.add(found);
  return missing;
}
