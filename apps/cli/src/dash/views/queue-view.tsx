import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { oneLine } from '../../output/cells.js';
import { goDuration } from '../../output/go-duration.js';
import { memoryCell } from '../../output/bytes.js';
import { clip } from '../../output/width.js';
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
  /** Ids of tasks. */
  readonly marked: ReadonlySet<string>;
  readonly lines: number;
  readonly nowMs: number;
}

export function QueueView(props: QueueViewProps): ReactNode {
  const { view, content } = props;
  const { size, latencyMs, isPaused } = content.info;
  const facts = [
    isPaused ? 'PAUSED' : 'RUN',
    `Size: ${size}`,
    `Latency: ${goDuration(latencyMs)}`,
    `Memory: ${memoryCell(content.info)}`,
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

function Rows({ view, content, selected, marked, lines, nowMs }: QueueViewProps): ReactNode {
  const { tasks } = content;
  if (!tasks) return <Text dimColor>Loading…</Text>;
  const groups = groupsOnPage(view, content, lines).map(({ group, size }) => [clip(oneLine(group), GROUP_WIDTH), size]);
  const rows = listsGroups(view) ? groups : tasks.map((task) => taskRow(task, view.state, nowMs));
  const marks = tasks.map(({ id }) => marked.has(id));
  if (rows.length === 0) return <Text dimColor>{nothing(view)}</Text>;
  const titles = listsGroups(view) ? ['Group', 'Size'] : taskTitles(view.state);
  const from = (view.page - 1) * pageSizeOf(lines);
  return (
    <Box flexDirection="column">
      <RowTable titles={titles} rows={rows} selected={selected} marks={marks} />
      <Showing from={from} count={rows.length} total={totalOf(view, content)} />
    </Box>
  );
}

function nothing(view: Place): string {
  if (listsGroups(view)) return 'No groups';
  return view.filter === '' ? `No ${view.state} tasks` : `No ${view.state} tasks with "${oneLine(view.filter)}"`;
}
