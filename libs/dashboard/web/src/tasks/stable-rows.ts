import { useRef, useState } from 'react';

/** Rows as they are shown: never moved while somebody may be about to click one. */
export interface StableRows<Row> {
  readonly rows: readonly Row[];
  /** Keys of rows that are shown but not in the latest reading. */
  readonly gone: ReadonlySet<string>;
  /** Rows of the latest reading that are not shown. */
  readonly news: number;
  /** The same rows in another order. */
  readonly isReordered: boolean;
  /** Shows the latest reading. */
  readonly adopt: () => void;
}

/** How the latest reading differs from the rows that are shown. */
export function compareRows<Row>(
  shown: readonly Row[],
  latest: readonly Row[],
  keyOf: (row: Row) => string,
): Omit<StableRows<Row>, 'adopt'> {
  const byKey = new Map(latest.map((row) => [keyOf(row), row]));
  const shownKeys = new Set(shown.map(keyOf));
  const gone = new Set([...shownKeys].filter((key) => !byKey.has(key)));
  const news = latest.filter((row) => !shownKeys.has(keyOf(row))).length;
  const staying = shown.map(keyOf).filter((key) => byKey.has(key));
  const order = latest.map(keyOf).filter((key) => shownKeys.has(key));
  return {
    rows: shown.map((row) => byKey.get(keyOf(row)) ?? row),
    gone,
    news,
    isReordered: order.some((key, at) => key !== staying[at]),
  };
}

/**
 * Holds rows in place.
 * @param scope what the rows are of: with another one, all rows are shown at once
 * @param isHeld whether the rows may be about to be clicked; otherwise each reading is shown as it comes
 */
export function useStableRows<Row>(
  latest: readonly Row[],
  keyOf: (row: Row) => string,
  scope: string,
  isHeld: boolean,
): StableRows<Row> {
  const [, redraw] = useState(0);
  const shown = useRef({ scope, rows: latest });
  if (shown.current.scope !== scope || !isHeld) shown.current = { scope, rows: latest };
  const adopt = (): void => {
    shown.current = { scope, rows: latest };
    redraw((count) => count + 1);
  };
  return { ...compareRows(shown.current.rows, latest, keyOf), adopt };
}
