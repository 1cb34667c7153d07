import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { BINDINGS } from '../keys.js';

const KEYS_WIDTH = 10;

export function HelpView(): ReactNode {
  return (
    <Box flexDirection="column">
      {BINDINGS.map(({ command, help: [keys, does] }) => (
        <Box key={command}>
          <Box width={KEYS_WIDTH} flexShrink={0}>
            <Text bold>{keys}</Text>
          </Box>
          <Text wrap="truncate">{does}</Text>
        </Box>
      ))}
    </Box>
  );
}
