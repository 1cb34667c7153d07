import { tagOf } from '../errors/invalid-options.error.js';

/** Objects whose members are not options: above all a promise that nobody awaited, which would count as no options at all. */
const WITHOUT_NAMES = new Set(['Promise', 'Map', 'Set', 'WeakMap', 'WeakSet', 'Date', 'RegExp', 'Error']);

/** An object with named members: no array, and nothing such as a map, a date or a promise. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  if (Object.getPrototypeOf(value) === Object.prototype) return true;
  return !Array.isArray(value) && !ArrayBuffer.isView(value) && !WITHOUT_NAMES.has(tagOf(value));
}
