/** A method with one of our decorators, as it is found at boot. */
export interface MarkedMethod<Mark> {
  /** A method named by a symbol has a text as its alias. */
  readonly name: string;
  /** In source order. */
  readonly marks: readonly Mark[];
  /** As it was when it was decorated. */
  readonly decorated: object;
  /**
   * What happened to it since: nothing; another decorator put another function in its place; a subclass overrides it without the
   * decorator; nothing that can be called is left under its name.
   */
  readonly change: 'none' | 'replaced' | 'overridden' | 'lost';
  /** The class whose method was decorated. */
  readonly owner: object;
}

interface Recorded<Mark> {
  readonly decorated: object;
  readonly marks: readonly Mark[];
}

type Records<Mark> = ReadonlyMap<string, Recorded<Mark>>;

/**
 * What the decorators of one kind say about methods. It is kept on the method, as all of Nest's metadata, and under its name on the
 * class as well: a decorator above ours may put another function in its place (`@Transactional`, `@CreateRequestContext`), and a
 * subclass may override it.
 */
export class MethodMarks<Mark> {
  /** @param key of the metadata */
  constructor(private readonly key: string) {}

  /** Adds the mark of a decorator. Those of one method run from the last in the source to the first. */
  add(prototype: object, method: string | symbol, decorated: object, mark: Mark): void {
    const name = textName(prototype, method);
    Reflect.defineMetadata(this.key, [mark, ...this.onMethod(decorated)], decorated);
    const records: Records<Mark> = this.recordsOf(prototype);
    const marks = [mark, ...(records.get(name)?.marks ?? [])];
    Reflect.defineMetadata(this.key, new Map([...records, [name, { decorated, marks }]]), prototype);
  }

  /** @param methodNames those of the prototype and of all that it inherits from */
  of(prototype: object, methodNames: readonly string[]): MarkedMethod<Mark>[] {
    const chain = [...chainOf(prototype)];
    const recorded = chain.flatMap((one) => [...this.recordsOf(one).keys()]);
    return [...new Set([...methodNames, ...recorded])].flatMap((name) => this.find(name, chain) ?? []);
  }

  private find(name: string, chain: readonly object[]): MarkedMethod<Mark> | undefined {
    const owner = chain.find((one) => this.recordsOf(one).has(name));
    const key = (owner && symbolOf(owner, name)) ?? name;
    const holder = chain.find((one) => Object.hasOwn(one, key));
    const present = holder && Object.getOwnPropertyDescriptor(holder, key);
    const current: unknown = present?.value;
    const own = typeof current === 'function' ? this.onMethod(current) : [];
    if (!owner || (own.length > 0 && isAbove(chain, holder, owner))) {
      if (own.length === 0) return undefined;
      return { name, marks: own, decorated: current as object, change: 'none', owner: holder! };
    }
    const { decorated, marks } = this.recordsOf(owner).get(name)!;
    return { name, marks, decorated, owner, change: changeOf(decorated, present, holder === owner) };
  }

  private onMethod(method: object): readonly Mark[] {
    return (Reflect.getOwnMetadata(this.key, method) as Mark[] | undefined) ?? [];
  }

  private recordsOf(prototype: object): Records<Mark> {
    return (Reflect.getOwnMetadata(this.key, prototype) as Records<Mark> | undefined) ?? new Map<string, never>();
  }
}

function changeOf(
  decorated: object,
  present: PropertyDescriptor | undefined,
  isOwners: boolean,
): MarkedMethod<unknown>['change'] {
  if (present?.value === decorated) return 'none';
  if (typeof present?.value !== 'function' && !present?.get) return 'lost';
  return isOwners ? 'replaced' : 'overridden';
}

/** Whether one class inherits from the other. */
const isAbove = (chain: readonly object[], derived: object | undefined, base: object): boolean =>
  derived !== undefined && chain.indexOf(derived) < chain.indexOf(base);

function* chainOf(prototype: object): Generator<object> {
  let one: object | null = prototype;
  while (one && one !== Object.prototype) {
    yield one;
    one = Reflect.getPrototypeOf(one);
  }
}

/** The getters that give symbols a name, and their symbols. */
const aliases = new WeakMap<object, symbol>();

/** The symbol behind the name of a method. */
function symbolOf(prototype: object, name: string): symbol | undefined {
  // oxlint-disable-next-line typescript/unbound-method -- it is compared, not called
  const getter: object | undefined = Object.getOwnPropertyDescriptor(prototype, name)?.get;
  return getter && aliases.get(getter);
}

/**
 * The name of a method as a text: Nest knows methods by no others. A symbol gets an alias, `Symbol(send)`, which reads the method
 * that an instance has under the symbol.
 */
export function textName(prototype: object, method: string | symbol): string {
  if (typeof method === 'string') return method;
  for (let nth = 1; ; nth++) {
    const name = nth === 1 ? String(method) : `${String(method)} ${nth}`;
    if (symbolOf(prototype, name) === method) return name;
    if (Object.hasOwn(prototype, name)) continue;
    const get = function (this: object): unknown {
      return Reflect.get(this, method);
    };
    aliases.set(get, method);
    Object.defineProperty(prototype, name, { get, configurable: true });
    return name;
  }
}
