import type { ServerInfo } from '@nestjs-asynq/core';
import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { SERVER_TITLES, serverRows } from '../../commands/server.js';
import { agoCell, oneLine } from '../../output/cells.js';
import { clip } from '../cells.js';
import { RowTable } from './row-table.js';

/** Lines around both tables. */
const CHROME = 10;
const ID_LENGTH = 36;
const TYPE_LENGTH = 20;

interface ServersViewProps {
  readonly servers: readonly ServerInfo[];
  readonly selected: number;
  readonly lines: number;
  readonly nowMs: number;
}

/** The servers, and what the one under the cursor is doing. */
export function ServersView({ servers, selected, lines, nowMs }: ServersViewProps): ReactNode {
  if (servers.length === 0) return <Text>No running servers</Text>;
  const fits = Math.max(1, Math.floor((lines - CHROME) / 2));
  const workers = servers[selected]?.workers ?? [];
  const rows = workers.map(({ taskId, taskType, queue, startedAt }) => [
    clip(oneLine(taskId), ID_LENGTH),
    clip(oneLine(taskType), TYPE_LENGTH),
    queue,
    agoCell(startedAt, nowMs),
  ]);
  return (
    <Box flexDirection="column" rowGap={1}>
      <RowTable titles={SERVER_TITLES} rows={serverRows(servers, nowMs)} selected={selected} fits={fits} />
      {rows.length === 0 ? (
        <Text dimColor>It runs no task now</Text>
      ) : (
        <RowTable titles={['Task ID', 'Type', 'Queue', 'Started']} rows={rows} fits={fits} />
      )}
    </Box>
  );
}
