import { createHash } from 'node:crypto';
import type { ReplyShape } from './reply-shape.js';

/** What a script takes as an argument; numbers must be whole. */
export type ScriptArg = string | number | bigint | Uint8Array;

/** Keys by the names in the script's header; a list where the header says one per task. */
export type ScriptKeys = Readonly<Record<string, string | readonly string[]>>;
export type ScriptArgs = Readonly<Record<string, ScriptArg>>;

/** Order of keys and arguments as the header of the Lua file declares it. */
export interface ScriptLayout {
  readonly keys: readonly string[];
  /** Redis types, one for each of `keys`. */
  readonly types: readonly string[];
  readonly args: readonly string[];
  readonly fields: readonly string[];
  /** Arguments after the fields of all items. */
  readonly tail: readonly string[];
  readonly reply: ReplyShape;
}

/**
 * One Lua file: its text and its signature. `npm run generate` derives `Keys`, `Args` and `Item` from the header, so a
 * call that names a wrong key or forgets an argument does not compile.
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
    const flat: string[] = [];
    for (const name of this.layout.keys) {
      const own = keys[name]!;
      if (typeof own === 'string') flat.push(own);
      else for (const key of own) flat.push(key);
    }
    return flat;
  }

  /** Each key with the Redis type that belongs there. */
  typedKeys(keys: Keys): (readonly [key: string, type: string])[] {
    return this.layout.keys.flatMap((name, i) =>
      [keys[name]!].flat().map((key) => [key, this.layout.types[i]!] as const),
    );
  }

  flattenArgs(args: Args, items: readonly Item[]): ScriptArg[] {
    const flat = this.layout.args.map((name) => args[name]!);
    for (const item of items) for (const field of this.layout.fields) flat.push(item[field]!);
    for (const name of this.layout.tail) flat.push(args[name]!);
    return flat;
  }
}
