import { createHash } from 'node:crypto';

/** What a script takes as an argument; numbers must be whole. */
export type ScriptArg = string | number | bigint | Uint8Array;

/** Keys by the names in the script's header; a list where the header says one per task. */
export type ScriptKeys = Readonly<Record<string, string | readonly string[]>>;
export type ScriptArgs = Readonly<Record<string, ScriptArg>>;

/** Order of keys and arguments as the header of the Lua file declares it. */
export interface ScriptLayout {
  readonly keys: readonly string[];
  readonly args: readonly string[];
  readonly fields: readonly string[];
  /** Arguments that come behind the fields of all items. */
  readonly tail: readonly string[];
}

/**
 * One Lua file: its text and its signature. `Keys`, `Args` and `Item` are made from the header by
 * `npm run generate`, so a call that names a wrong key or forgets an argument does not compile.
 */
export class Script<Keys extends ScriptKeys, Args extends ScriptArgs, Item extends ScriptArgs> {
  readonly sha1: string;

  constructor(
    readonly name: string,
    readonly layout: ScriptLayout,
    readonly lua: string,
  ) {
    this.sha1 = createHash('sha1').update(lua).digest('hex');
  }

  flattenKeys(keys: Keys): string[] {
    return this.layout.keys.flatMap((name) => keys[name]!);
  }

  flattenArgs(args: Args, items: readonly Item[]): ScriptArg[] {
    const flat = this.layout.args.map((name) => args[name]!);
    for (const item of items) for (const field of this.layout.fields) flat.push(item[field]!);
    for (const name of this.layout.tail) flat.push(args[name]!);
    return flat;
  }
}
