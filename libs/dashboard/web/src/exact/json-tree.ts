/**
 * A parser for JSON that keeps what `JSON.parse` loses: every digit of a number, the order of keys, and keys that occur
 * twice. It returns the nodes that are drawn.
 */
export type JsonNode = JsonScalar | JsonArray | JsonObject;

export interface JsonScalar {
  readonly kind: 'string' | 'number' | 'boolean' | 'null';
  /** Of a string its value, of all others the text as it stands in the source. */
  readonly text: string;
}

export interface JsonArray {
  readonly kind: 'array';
  readonly items: readonly JsonNode[];
}

export interface JsonObject {
  readonly kind: 'object';
  readonly entries: readonly (readonly [key: string, value: JsonNode])[];
}

/** Deeper text is shown raw: a tree of it helps nobody, and the stack is finite. */
const DEEPEST = 200;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
// oxlint-disable-next-line no-control-regex -- JSON allows none of them inside of strings
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;

/** The nodes of a JSON text; `undefined` when it is no JSON, or too deep. */
export function parseJsonTree(source: string): JsonNode | undefined {
  try {
    return new JsonReader(source).readAll();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

class JsonReader {
  private at = 0;

  constructor(private readonly source: string) {}

  readAll(): JsonNode {
    const node = this.readValue(0);
    this.skipSpace();
    if (this.at < this.source.length) throw new SyntaxError('text after the value');
    return node;
  }

  private readValue(depth: number): JsonNode {
    if (depth > DEEPEST) throw new SyntaxError('too deep');
    this.skipSpace();
    const first = this.source[this.at];
    if (first === '{') return this.readObject(depth);
    if (first === '[') return this.readArray(depth);
    if (first === '"') return { kind: 'string', text: this.readString() };
    const word = this.match(WORD);
    if (word !== undefined) return { kind: word === 'null' ? 'null' : 'boolean', text: word };
    const number = this.match(NUMBER);
    if (number !== undefined) return { kind: 'number', text: number };
    throw new SyntaxError('no value');
  }

  private readObject(depth: number): JsonObject {
    const entries: [string, JsonNode][] = [];
    this.readList('}', () => {
      this.skipSpace();
      const key = this.readString();
      this.skipSpace();
      this.expect(':');
      entries.push([key, this.readValue(depth + 1)]);
    });
    return { kind: 'object', entries };
  }

  private readArray(depth: number): JsonArray {
    const items: JsonNode[] = [];
    this.readList(']', () => items.push(this.readValue(depth + 1)));
    return { kind: 'array', items };
  }

  private readList(end: string, readOne: () => void): void {
    this.at += 1;
    this.skipSpace();
    if (this.take(end)) return;
    do readOne();
    while ((this.skipSpace(), this.take(',')));
    this.expect(end);
  }

  private readString(): string {
    const text = this.match(STRING);
    if (text === undefined) throw new SyntaxError('no string');
    return JSON.parse(text) as string;
  }

  private skipSpace(): void {
    this.match(SPACE);
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private take(sign: string): boolean {
    if (this.source[this.at] !== sign) return false;
    this.at += 1;
    return true;
  }

  private expect(sign: string): void {
    if (!this.take(sign)) throw new SyntaxError(`no ${sign}`);
  }
}

/** The value as JSON text, as exact as the source; with `indent` over several lines. */
export function printJson(node: JsonNode, indent = 0): string {
  return print(node, indent, indent === 0 ? '' : '\n');
}

function print(node: JsonNode, indent: number, newline: string): string {
  if (node.kind === 'string') return JSON.stringify(node.text);
  if (node.kind !== 'array' && node.kind !== 'object') return node.text;
  const inner = newline === '' ? '' : newline + ' '.repeat(indent);
  const parts =
    node.kind === 'array'
      ? node.items.map((item) => print(item, indent, inner))
      : node.entries.map(
          ([key, value]) => `${JSON.stringify(key)}:${newline === '' ? '' : ' '}${print(value, indent, inner)}`,
        );
  const [open, close] = node.kind === 'array' ? ['[', ']'] : ['{', '}'];
  return parts.length === 0 ? open + close : open + inner + parts.join(`,${inner}`) + newline + close;
}

/** Where a text stops being JSON, for the one who types it; `undefined`: it is JSON. */
export function jsonProblem(source: string): string | undefined {
  try {
    JSON.parse(source);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
