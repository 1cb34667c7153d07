import type { TaskInfo } from '@nestjs-asynq/core';
import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { dateCell, dueCell, oneLine } from '../../output/cells.js';
import { clip, preview } from '../cells.js';

const LABEL_WIDTH = 19;
/** Lines around the facts: heading, blank, footer, and the last, which stays free. */
const CHROME = 5;

interface TaskViewProps {
  /** `undefined`: it is gone. */
  readonly task: TaskInfo | undefined;
  readonly lines: number;
  readonly columns: number;
  readonly nowMs: number;
}

export function TaskView({ task, lines, columns, nowMs }: TaskViewProps): ReactNode {
  if (!task) return <Text>This task no longer exists.</Text>;
  const width = Math.max(1, columns - LABEL_WIDTH);
  const short = shortFacts(task, nowMs);
  const long = longFacts(task);
  // Long facts share the remaining lines.
  const room = Math.max(1, Math.floor((lines - CHROME - short.length) / long.length)) * width;
  return (
    <Box flexDirection="column">
      {short.map(([label, text]) => (
        <FactLine key={label} label={label} text={clip(text, width)} />
      ))}
      {long.map(({ label, show }) => (
        <FactLine key={label} label={label} text={show(room)} />
      ))}
    </Box>
  );
}

function FactLine({ label, text }: { readonly label: string; readonly text: string }): ReactNode {
  return (
    <Box flexShrink={0}>
      <Box width={LABEL_WIDTH} flexShrink={0}>
        <Text bold>{label}</Text>
      </Box>
      <Text>{text}</Text>
    </Box>
  );
}

type Fact = readonly [label: string, text: string];

/** Each takes one line. */
function shortFacts(task: TaskInfo, nowMs: number): Fact[] {
  const { group, lastFailedAt, completedAt, progress } = task;
  const facts: (Fact | undefined)[] = [
    ['ID', oneLine(task.id)],
    ['Type', oneLine(task.type)],
    ['State', task.isOrphaned ? `${task.state} (orphaned)` : task.state],
    ['Queue', oneLine(task.queue)],
    group === undefined ? undefined : ['Group', oneLine(group)],
    ['Retry', `${task.retried}/${task.maxRetry}`],
    lastFailedAt && ['Last Failure Time', dateCell(lastFailedAt)],
    task.nextProcessAt && ['Next Process Time', nextProcessTime(task, task.nextProcessAt, nowMs)],
    completedAt && ['Completion Time', dateCell(completedAt)],
    progress && ['Progress', `${Math.round(progress.share * 100)}% ${oneLine(progress.note ?? '')}`],
  ];
  return facts.filter((fact) => fact !== undefined);
}

/** A pending task is due: its time would be that of the refresh. */
function nextProcessTime({ state }: TaskInfo, at: Date, nowMs: number): string {
  return state === 'pending' ? 'now' : `${dateCell(at)} (${dueCell(at, nowMs)})`;
}

interface LongFact {
  readonly label: string;
  readonly show: (cells: number) => string;
}

function longFacts({ lastError, payload, result }: TaskInfo): LongFact[] {
  const facts: (LongFact | undefined)[] = [
    { label: 'Payload', show: (cells) => preview(payload, cells) },
    // Sliced first, so that no more than the visible part is escaped.
    lastError === ''
      ? undefined
      : { label: 'Last Failure', show: (cells) => clip(oneLine(lastError.slice(0, cells + 1)), cells) },
    result && { label: 'Result', show: (cells) => preview(result, cells) },
  ];
  return facts.filter((fact) => fact !== undefined);
}
