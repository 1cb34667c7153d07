import { textOf } from './cells.js';

/** Characters of a part, roughly. */
const PART = 65_536;

/**
 * JSON for programs: dates in RFC 3339; bytes as text if they are UTF-8, otherwise as `{ "base64": … }`.
 * `undefined` fields are `null`, so that each object has all its fields.
 */
export function toJson(data: unknown): string {
  return [...jsonParts(data)].join('');
}

/** The same in parts, so that a long list is never one text in memory. */
export function* jsonParts(data: unknown): Generator<string> {
  let part = '';
  for (const piece of piecesOf(data, '')) {
    part += piece;
    if (part.length < PART) continue;
    yield part;
    part = '';
  }
  yield part;
}

/** A list that is written while it is read. */
export class JsonList {
  #isEmpty = true;

  /** The text of further items. */
  add(items: readonly unknown[]): string {
    let text = '';
    for (const item of items) {
      text += `${this.#isEmpty ? '[' : ','}\n  ${whole(item, '  ')}`;
      this.#isEmpty = false;
    }
    return text;
  }

  end(): string {
    return this.#isEmpty ? '[]' : '\n]';
  }
}

/** A list by its items, and an object by its fields, of which some may be lists; all below that at once. */
function* piecesOf(value: unknown, indent: string): Generator<string> {
  const inner = `${indent}  `;
  if (Array.isArray(value) && value.length > 0) {
    for (const [at, item] of value.entries()) yield `${at === 0 ? '[' : ','}\n${inner}${whole(item, inner)}`;
    yield `\n${indent}]`;
  } else if (indent === '' && isObject(value) && Object.values(value).some(Array.isArray)) {
    let before = '{';
    for (const [name, field] of Object.entries(value)) {
      yield `${before}\n${inner}${JSON.stringify(name)}: `;
      yield* piecesOf(field, inner);
      before = ',';
    }
    yield '\n}';
  } else {
    yield whole(value, indent);
  }
}

/** Line breaks inside of texts are escaped. */
function whole(value: unknown, indent: string): string {
  const json = JSON.stringify(plain(value), undefined, 2);
  return indent === '' ? json : json.replaceAll('\n', `\n${indent}`);
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !(value instanceof Date) && !(value instanceof Uint8Array);

function plain(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return textOf(value) ?? { base64: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}
