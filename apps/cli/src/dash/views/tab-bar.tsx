import { Box, Text } from 'ink';
import type { ReactNode } from 'react';

interface TabBarProps<Tab extends string> {
  readonly tabs: readonly (readonly [tab: Tab, label: string])[];
  readonly current: Tab;
}

export function TabBar<Tab extends string>({ tabs, current }: TabBarProps<Tab>): ReactNode {
  return (
    <Box columnGap={2} flexWrap="wrap" flexShrink={0}>
      {tabs.map(([tab, label]) => (
        <Text key={tab} bold={tab === current} inverse={tab === current} wrap="truncate">
          {label}
        </Text>
      ))}
    </Box>
  );
}
