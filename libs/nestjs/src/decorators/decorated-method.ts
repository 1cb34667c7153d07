/**
 * Refuses a method decorator of ours in a place where it can do nothing.
 * @param decorator as written, for the message: `@TaskHandler("email:verify")`
 * @param purpose what static methods cannot do: `handle tasks`
 * @throws {TypeError} it is on a class, a static method, a property, an accessor or a parameter, or the compiler makes decorators
 * of the newer kind
 */
export function checkDecorated(
  decorator: string,
  purpose: string,
  target: unknown,
  method: unknown,
  descriptor: unknown,
): void {
  if (typeof method === 'object' && method !== null && 'kind' in method) {
    throw new TypeError(
      `${decorator} is compiled as a decorator of the newer kind, which Nest does not use either: set "experimentalDecorators" in tsconfig.json`,
    );
  }
  if (typeof target === 'function' && method === undefined) {
    throw new TypeError(`${decorator} is on the class ${target.name}; put it on the method that should ${purpose}`);
  }
  const place = `${ownerName(target)}.${String(method)}`;
  if (typeof descriptor === 'number') {
    throw new TypeError(`${decorator} is on a parameter of ${place}; put it on the method itself`);
  }
  if (typeof target === 'function') {
    throw new TypeError(`${decorator} is on the static method ${place}; static methods cannot ${purpose}`);
  }
  if (typeof (descriptor as PropertyDescriptor | undefined)?.value === 'function') return;
  const kind = descriptor ? 'accessor' : 'property';
  throw new TypeError(`${decorator} is on the ${kind} ${place}; put it on a method: ${String(method)}() { … }`);
}

/**
 * Refuses a name that is no text: often an imported constant, `undefined` as its file imports this one.
 * @throws {TypeError} with class and method
 */
export function checkName(
  decorator: string,
  what: string,
  name: unknown,
  target: unknown,
  method: string | symbol | undefined,
): void {
  if (typeof name === 'string') return;
  const place = method === undefined ? ownerName(target) : `${ownerName(target)}.${String(method)}`;
  const hint = name === undefined ? '; a constant of a file that imports this one is still undefined here' : '';
  throw new TypeError(`@${decorator}(${shown(name)}) on ${place} needs ${what}${hint}`);
}

/** The class of a decorated member. */
export function ownerName(target: unknown): string {
  if (typeof target === 'function') return target.name;
  const owner = (target as { readonly constructor?: { readonly name?: string } } | undefined)?.constructor;
  return owner?.name ?? 'an object without a class';
}

function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? '[…]' : '{…}';
  return typeof value === 'function' ? value.name || 'a function' : String(value);
}
