import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { BINDINGS } from '../keys.js';

const KEYS_WIDTH = 14;

const LINES = BINDINGS.flatMap(({ help }) => (help ? [help] : []));

export function HelpView(): ReactNode {
  return (
    <Box flexDirection="column">
      {LINES.map(([keys, does]) => (
        <Box key={keys} flexShrink={0}>
          <Box width={KEYS_WIDTH} flexShrink={0}>
            <Text bold>{keys}</Text>
          </Box>
          <Text wrap="truncate">{does}</Text>
        </Box>
      ))}
    </Box>
  );
}
