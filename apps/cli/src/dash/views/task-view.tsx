import type { TaskInfo } from '@nestjs-asynq/core';
import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { LABEL_WIDTH, taskLines, taskRoom } from '../task-lines.js';

interface TaskViewProps {
  /** `undefined`: it is gone. */
  readonly task: TaskInfo | undefined;
  /** Lines above the visible ones. */
  readonly scroll: number;
  readonly lines: number;
  readonly columns: number;
  readonly nowMs: number;
}

export function TaskView({ task, scroll, lines, columns, nowMs }: TaskViewProps): ReactNode {
  if (!task) return <Text>This task no longer exists.</Text>;
  const all = taskLines(task, nowMs, columns);
  const room = taskRoom(lines);
  const from = Math.min(scroll, Math.max(0, all.length - room));
  const below = all.length - from - room;
  const shown = all.slice(from, from + (below > 0 ? room - 1 : room));
  return (
    <Box flexDirection="column">
      {shown.map(([label, text], row) => (
        <Box key={row} flexShrink={0}>
          <Box width={LABEL_WIDTH} flexShrink={0}>
            <Text bold>{label}</Text>
          </Box>
          <Text wrap="truncate">{text}</Text>
        </Box>
      ))}
      {below > 0 && <Text dimColor>{`${below + 1} more lines ↓`}</Text>}
    </Box>
  );
}
