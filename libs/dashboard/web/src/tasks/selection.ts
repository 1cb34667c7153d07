import { useCallback, useMemo, useState } from 'react';
import type { TaskRef, TaskRow } from '../../../src/api/tasks.js';

/** One text for a task; neither names nor ids can hold a line break that makes two of them equal. */
export const keyOfTask = ({ queue, id }: TaskRef): string => JSON.stringify([queue, id]);

export interface Selection {
  readonly tasks: readonly TaskRow[];
  readonly has: (task: TaskRef) => boolean;
  /** Selects or deselects one; with `range` all from the last one to this. */
  readonly toggle: (task: TaskRow, range: boolean) => void;
  readonly setAll: (tasks: readonly TaskRow[]) => void;
  readonly clear: () => void;
}

/** The tasks that were selected, as they were then: a list that is read again does not change what is acted on. */
export function useSelection(rows: readonly TaskRow[]): Selection {
  const [selected, setSelected] = useState<ReadonlyMap<string, TaskRow>>(new Map());
  const [lastKey, setLastKey] = useState<string>();
  const clear = useCallback(() => setSelected(new Map()), []);
  const setAll = useCallback((tasks: readonly TaskRow[]) => {
    setSelected(new Map(tasks.map((task) => [keyOfTask(task), task])));
  }, []);
  return useMemo(
    () => ({
      tasks: [...selected.values()],
      has: (task) => selected.has(keyOfTask(task)),
      toggle: (task, range) => {
        const key = keyOfTask(task);
        const next = new Map(selected);
        const keys = rows.map(keyOfTask);
        const [from, to] = [lastKey === undefined ? -1 : keys.indexOf(lastKey), keys.indexOf(key)];
        const isOn = !selected.has(key);
        const among = range && from >= 0 ? rows.slice(Math.min(from, to), Math.max(from, to) + 1) : [task];
        for (const one of among) {
          if (isOn) next.set(keyOfTask(one), one);
          else next.delete(keyOfTask(one));
        }
        setSelected(next);
        setLastKey(key);
      },
      setAll,
      clear,
    }),
    [selected, lastKey, rows, setAll, clear],
  );
}
