import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { oneLine } from '../../output/cells.js';
import { goDuration } from '../../output/go-duration.js';
import { bytesOf, clip } from '../cells.js';
import { taskRow, taskTitles } from '../task-columns.js';
import {
  groupsOnPage,
  listsGroups,
  pageSizeOf,
  type QueueContent,
  type QueueView as Place,
  STATE_TABS,
  totalOf,
} from '../view.js';
import { RowTable, Showing } from './row-table.js';
import { TabBar } from './tab-bar.js';

const GROUP_WIDTH = 60;

interface QueueViewProps {
  readonly view: Place;
  readonly content: QueueContent;
  readonly selected: number;
  readonly lines: number;
  readonly nowMs: number;
}

export function QueueView(props: QueueViewProps): ReactNode {
  const { view, content } = props;
  const { size, latencyMs, memoryBytes, isPaused } = content.info;
  const facts = [
    isPaused ? 'PAUSED' : 'RUN',
    `Size: ${size}`,
    `Latency: ${goDuration(latencyMs)}`,
    `Memory: ${bytesOf(memoryBytes)}`,
  ];
  return (
    <Box flexDirection="column" rowGap={1}>
      <Text wrap="truncate">{facts.join('   ')}</Text>
      <StateTabs view={view} content={content} />
      <Rows {...props} />
    </Box>
  );
}

function StateTabs({ view, content }: Pick<QueueViewProps, 'view' | 'content'>): ReactNode {
  const tabs = STATE_TABS.map((state) => [state, `${state} ${content.info[state]}`] as const);
  return <TabBar tabs={tabs} current={view.state} />;
}

function Rows({ view, content, selected, lines, nowMs }: QueueViewProps): ReactNode {
  const { tasks } = content;
  if (!tasks) return <Text dimColor>Loading…</Text>;
  const groups = groupsOnPage(view, content, lines).map(({ group, size }) => [clip(oneLine(group), GROUP_WIDTH), size]);
  const rows = listsGroups(view) ? groups : tasks.map((task) => taskRow(task, view.state, nowMs));
  if (rows.length === 0) return <Text dimColor>{listsGroups(view) ? 'No groups' : `No ${view.state} tasks`}</Text>;
  const titles = listsGroups(view) ? ['Group', 'Size'] : taskTitles(view.state);
  const from = (view.page - 1) * pageSizeOf(lines);
  return (
    <Box flexDirection="column">
      <RowTable titles={titles} rows={rows} selected={selected} />
      <Showing from={from} count={rows.length} total={totalOf(view, content)} />
    </Box>
  );
}
