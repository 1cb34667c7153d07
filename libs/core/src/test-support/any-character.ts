const FIRST_SURROGATE = 0xd800;
const SURROGATES = 0x800;

/**
 * Of all characters of Unicode, counted from 0. `fc.nat(LAST_CHARACTER).map(characterAt, indexOfCharacter)` draws those
 * of fast-check's own unit `binary`, which lists all 1.1 million in a map: a second and 100 MB of each process.
 */
export const LAST_CHARACTER = 0x10ffff - SURROGATES;

export function characterAt(index: number): string {
  return String.fromCodePoint(index < FIRST_SURROGATE ? index : index + SURROGATES);
}

/** Throws for what is not one character, as fast-check expects. */
export function indexOfCharacter(value: unknown): number {
  if (typeof value !== 'string' || !value.isWellFormed()) throw new TypeError('not a character');
  const code = value.codePointAt(0);
  if (code === undefined || String.fromCodePoint(code) !== value) throw new TypeError('not one character');
  return code < FIRST_SURROGATE ? code : code - SURROGATES;
}
