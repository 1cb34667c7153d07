import { textOf } from './cells.js';

/**
 * JSON for programs: dates in RFC 3339; bytes as text if they are UTF-8, otherwise as `{ "base64": … }`.
 * `undefined` fields are `null`, so that each object has all its fields.
 */
export function toJson(data: unknown): string {
  return JSON.stringify(plain(data), undefined, 2);
}

function plain(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return textOf(value) ?? { base64: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}
