import type { QueueInfo } from '@nestjs-asynq/core';
import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { errorRateCell, oneLine } from '../../output/cells.js';
import { goDuration } from '../../output/go-duration.js';
import { barParts } from '../cells.js';
import { memoryCell } from '../../output/bytes.js';
import { clip } from '../../output/width.js';
import { pageStart, queuesLayout, STATE_TABS } from '../view.js';
import { barStyle } from './colors.js';
import { RowTable, Showing } from './row-table.js';

const NAME_WIDTH = 20;
/** Blanks around a bar, and the size after it. */
const BAR_CHROME = 14;

const TITLES = ['Queue', 'State', 'Size', 'Latency', 'MemoryUsage', 'Processed', 'Failed', 'ErrorRate'];

interface QueuesViewProps {
  /** Of all rows. */
  readonly names: readonly string[];
  /** Those that have been read. */
  readonly queues: readonly QueueInfo[];
  readonly selected: number;
  readonly lines: number;
  readonly columns: number;
}

export function QueuesView({ names, queues, selected, lines, columns }: QueuesViewProps): ReactNode {
  if (names.length === 0) return <Text>No queues</Text>;
  const { hasBars, fits } = queuesLayout(lines, names.length);
  const from = pageStart(selected, fits);
  const known = new Map(queues.map((info) => [info.queue, info]));
  const page = names.slice(from, from + fits);
  const infos = page.flatMap((name) => known.get(name) ?? []);
  const largest = Math.max(...infos.map(({ size }) => size));
  return (
    <Box flexDirection="column" rowGap={1}>
      {hasBars && (
        <Box flexDirection="column" flexShrink={0}>
          <Legend />
          {infos.map((info) => (
            <Bar key={info.queue} info={info} largest={largest} width={columns - NAME_WIDTH - BAR_CHROME} />
          ))}
        </Box>
      )}
      <Box flexDirection="column" flexShrink={0}>
        <RowTable
          titles={TITLES}
          rows={page.map((name) => queueRow(name, known.get(name)))}
          selected={selected - from}
        />
        {page.length < names.length && <Showing from={from} count={page.length} total={names.length} />}
      </Box>
    </Box>
  );
}

function Legend(): ReactNode {
  return (
    <Text wrap="truncate">
      {STATE_TABS.map((state) => {
        const { fill, ...style } = barStyle(state);
        return (
          <Text key={state} {...style}>
            {`${fill} ${state} `}
          </Text>
        );
      })}
    </Text>
  );
}

interface BarProps {
  readonly info: QueueInfo;
  readonly largest: number;
  readonly width: number;
}

function Bar({ info, largest, width }: BarProps): ReactNode {
  const cells = barParts(
    STATE_TABS.map((state) => info[state]),
    largest,
    Math.max(1, width),
  );
  return (
    <Box columnGap={1}>
      <Box width={NAME_WIDTH} flexShrink={0}>
        <Text wrap="truncate">{oneLine(info.queue)}</Text>
      </Box>
      <Text wrap="truncate">
        {STATE_TABS.map((state, index) => {
          const { fill, ...style } = barStyle(state);
          return (
            <Text key={state} {...style}>
              {fill.repeat(cells[index]!)}
            </Text>
          );
        })}
        {` ${info.size}`}
      </Text>
    </Box>
  );
}

function queueRow(name: string, info: QueueInfo | undefined): (string | number)[] {
  if (!info) return [clip(oneLine(name), NAME_WIDTH), '…', '', '', '', '', '', ''];
  const { processedToday, failedToday } = info;
  return [
    clip(oneLine(info.queue), NAME_WIDTH),
    info.isPaused ? 'PAUSED' : 'RUN',
    info.size,
    goDuration(info.latencyMs),
    memoryCell(info),
    processedToday,
    failedToday,
    errorRateCell(processedToday, failedToday),
  ];
}
