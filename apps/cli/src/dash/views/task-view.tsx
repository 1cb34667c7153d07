import type { TaskInfo } from '@nestjs-asynq/core';
import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { bytesCell, dateCell, dueCell, oneLine } from '../../output/cells.js';
import { clip } from '../cells.js';

const LABEL_WIDTH = 19;
/** Lines of the terminal that hold neither payload, result nor error. */
const CHROME = 16;
/** Payload, result and error. */
const LONG_TEXTS = 3;

interface TaskViewProps {
  /** `undefined`: it is gone. */
  readonly task: TaskInfo | undefined;
  readonly lines: number;
  readonly columns: number;
  readonly nowMs: number;
}

export function TaskView({ task, lines, columns, nowMs }: TaskViewProps): ReactNode {
  if (!task) return <Text>This task no longer exists.</Text>;
  const room = Math.max(1, Math.floor((lines - CHROME) / LONG_TEXTS)) * (columns - LABEL_WIDTH);
  return (
    <Box flexDirection="column">
      {factsOf(task, nowMs, room).map(([label, text]) => (
        <Box key={label} flexShrink={0}>
          <Box width={LABEL_WIDTH} flexShrink={0}>
            <Text bold>{label}</Text>
          </Box>
          <Text>{text}</Text>
        </Box>
      ))}
    </Box>
  );
}

type Fact = readonly [label: string, text: string];

/** @param room most characters of a text that may be long */
function factsOf(task: TaskInfo, nowMs: number, room: number): Fact[] {
  const facts: (Fact | undefined)[] = [
    ['ID', clip(oneLine(task.id), room)],
    ['Type', clip(oneLine(task.type), room)],
    ['State', task.isOrphaned ? `${task.state} (orphaned)` : task.state],
    ['Queue', oneLine(task.queue)],
    task.group === undefined ? undefined : ['Group', clip(oneLine(task.group), room)],
    ['Retry', `${task.retried}/${task.maxRetry}`],
    task.lastError === '' ? undefined : ['Last Failure', clip(oneLine(task.lastError.slice(0, room)), room)],
    task.lastFailedAt && ['Last Failure Time', dateCell(task.lastFailedAt)],
    task.nextProcessAt && [
      'Next Process Time',
      `${dateCell(task.nextProcessAt)} (${dueCell(task.nextProcessAt, nowMs)})`,
    ],
    task.completedAt && ['Completion Time', dateCell(task.completedAt)],
    task.progress && [
      'Progress',
      `${Math.round(task.progress.share * 100)}% ${clip(oneLine(task.progress.note ?? ''), 60)}`,
    ],
    ['Payload', clip(bytesCell(task.payload), room)],
    task.result && ['Result', clip(bytesCell(task.result), room)],
  ];
  return facts.filter((fact) => fact !== undefined);
}
