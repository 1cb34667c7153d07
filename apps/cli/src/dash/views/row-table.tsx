import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { table } from '../../output/table.js';

interface RowTableProps {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** From 0; `undefined`: no row is under the cursor. */
  readonly selected?: number | undefined;
  /** Most rows that fit; those around the cursor are shown. */
  readonly fits: number;
}

/** A table as the other commands print it, with the row under the cursor marked. It is cut at the terminal's edge. */
export function RowTable({ titles, rows, selected, fits }: RowTableProps): ReactNode {
  const from = windowStart(rows.length, selected ?? 0, fits);
  const [head, dashes, ...lines] = table(titles, rows.slice(from, from + fits)).split('\n');
  return (
    <Box flexDirection="column" flexShrink={0}>
      <Text bold wrap="truncate">
        {head}
      </Text>
      <Text dimColor wrap="truncate">
        {dashes}
      </Text>
      {lines.map((line, index) => (
        <Text key={from + index} inverse={from + index === selected} wrap="truncate">
          {line}
        </Text>
      ))}
    </Box>
  );
}

/** First row of a window that has the cursor in it, in the middle where there is enough on both sides. */
export function windowStart(count: number, selected: number, fits: number): number {
  return Math.max(0, Math.min(selected - Math.floor(fits / 2), count - fits));
}
