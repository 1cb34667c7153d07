import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { table } from '../../output/table.js';
import { pageStart } from '../view.js';

interface RowTableProps {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** From 0; `undefined`: no row is under the cursor. */
  readonly selected?: number | undefined;
  /** Whether each row is marked. */
  readonly marks?: readonly boolean[] | undefined;
}

/** A table as the other commands print it, with the row under the cursor marked. It is cut at the terminal's edge. */
export function RowTable({ titles, rows, selected, marks = [] }: RowTableProps): ReactNode {
  const [head, dashes, ...lines] = table(titles, rows).split('\n');
  const hasMarks = marks.includes(true);
  const prefix = (isMarked: boolean | undefined): string => (hasMarks ? (isMarked ? '* ' : '  ') : '');
  return (
    <Box flexDirection="column" flexShrink={0}>
      <Text bold wrap="truncate">
        {prefix(false)}
        {head}
      </Text>
      <Text dimColor wrap="truncate">
        {prefix(false)}
        {dashes}
      </Text>
      {lines.map((line, row) => (
        <Text key={row} inverse={row === selected} wrap="truncate">
          {prefix(marks[row])}
          {line}
        </Text>
      ))}
    </Box>
  );
}

interface PagedTableProps extends RowTableProps {
  /** Rows on a page; the one with the cursor is shown. */
  readonly fits: number;
}

export function PagedTable({ titles, rows, selected, fits }: PagedTableProps): ReactNode {
  const from = pageStart(selected ?? 0, fits);
  const page = rows.slice(from, from + fits);
  return (
    <Box flexDirection="column" flexShrink={0}>
      <RowTable titles={titles} rows={page} selected={selected === undefined ? undefined : selected - from} />
      {page.length < rows.length && <Showing from={from} count={page.length} total={rows.length} />}
    </Box>
  );
}

interface ShowingProps {
  /** From 0. */
  readonly from: number;
  readonly count: number;
  readonly total: number;
}

/** The visible part of a list. */
export function Showing({ from, count, total }: ShowingProps): ReactNode {
  return <Text dimColor>{`Showing ${from + 1}-${from + count} out of ${total}`}</Text>;
}
