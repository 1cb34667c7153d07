import type { KnownType } from '../../../../src/api/tasks.js';

/** The pattern whose handler runs tasks of this type: the longest with which it begins, as the server chooses. */
export function findType(types: readonly KnownType[], type: string): KnownType | undefined {
  const fitting = types.filter((known) => type.startsWith(known.type));
  return fitting.toSorted((one, other) => other.type.length - one.type.length)[0];
}
