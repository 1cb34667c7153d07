import { useCallback, useMemo, useState } from 'react';
import type { TaskRef } from '../../../src/api/tasks.js';

/** One text for a task; neither names nor ids can hold a line break that makes two of them equal. */
export const keyOfTask = ({ queue, id }: TaskRef): string => JSON.stringify([queue, id]);

export interface Selection<Row> {
  readonly rows: readonly Row[];
  readonly has: (row: Row) => boolean;
  /** Selects or deselects one; with `range`, the rows of the list, all from the last one to this. */
  readonly toggle: (row: Row, range?: readonly Row[]) => void;
  readonly setAll: (rows: readonly Row[]) => void;
  readonly clear: () => void;
}

/** The rows that were selected, as they were then: a list that is read again does not change what is acted on. */
export function useSelection<Row>(keyOf: (row: Row) => string): Selection<Row> {
  const [selected, setSelected] = useState<ReadonlyMap<string, Row>>(new Map());
  const [lastKey, setLastKey] = useState<string>();
  const clear = useCallback(() => setSelected(new Map()), []);
  const setAll = useCallback(
    (rows: readonly Row[]) => setSelected(new Map(rows.map((row) => [keyOf(row), row]))),
    [keyOf],
  );
  return useMemo(
    () => ({
      rows: [...selected.values()],
      has: (row) => selected.has(keyOf(row)),
      toggle: (row, range = []) => {
        const key = keyOf(row);
        const next = new Map(selected);
        const keys = range.map(keyOf);
        const [from, to] = [lastKey === undefined ? -1 : keys.indexOf(lastKey), keys.indexOf(key)];
        const isOn = !selected.has(key);
        const among = from >= 0 ? range.slice(Math.min(from, to), Math.max(from, to) + 1) : [row];
        for (const one of among) {
          if (isOn) next.set(keyOf(one), one);
          else next.delete(keyOf(one));
        }
        setSelected(next);
        setLastKey(key);
      },
      setAll,
      clear,
    }),
    [selected, lastKey, keyOf, setAll, clear],
  );
}
