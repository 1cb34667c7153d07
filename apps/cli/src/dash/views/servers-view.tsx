import type { ServerInfo, WorkerInfo } from '@nestjs-asynq/core';
import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { agoCell, dueCell, oneLine } from '../../output/cells.js';
import { SERVER_TITLES, serverRows } from '../../output/server-table.js';
import { preview } from '../cells.js';
import { clip } from '../../output/width.js';
import { serversLayout } from '../view.js';
import { PagedTable } from './row-table.js';

const ID_WIDTH = 36;
const TYPE_WIDTH = 20;
const QUEUE_WIDTH = 20;
/** Wider than any terminal, whose edge cuts the rest. */
const PAYLOAD_WIDTH = 400;

const WORKER_TITLES = ['Task ID', 'Type', 'Queue', 'Started', 'Deadline', 'Payload'];

interface ServersViewProps {
  readonly servers: readonly ServerInfo[];
  readonly selected: number;
  readonly lines: number;
  readonly nowMs: number;
}

/** The servers, and the tasks of the selected one. */
export function ServersView({ servers, selected, lines, nowMs }: ServersViewProps): ReactNode {
  if (servers.length === 0) return <Text>No running servers</Text>;
  const { fits, workersFit } = serversLayout(lines, servers.length);
  const workers = longestFirst(servers[selected]?.workers ?? []);
  return (
    <Box flexDirection="column" rowGap={1}>
      <PagedTable titles={SERVER_TITLES} rows={serverRows(servers, nowMs)} selected={selected} fits={fits} />
      {workers.length === 0 ? (
        <Text dimColor>It runs no task now</Text>
      ) : (
        <PagedTable titles={WORKER_TITLES} rows={workers.map((one) => workerRow(one, nowMs))} fits={workersFit} />
      )}
    </Box>
  );
}

/** A stable order between refreshes, with a hanging task in view. */
function longestFirst(workers: readonly WorkerInfo[]): WorkerInfo[] {
  return workers.toSorted(
    (one, other) => one.startedAt.getTime() - other.startedAt.getTime() || (one.taskId < other.taskId ? -1 : 1),
  );
}

function workerRow({ taskId, taskType, queue, startedAt, deadline, taskPayload }: WorkerInfo, nowMs: number): string[] {
  return [
    clip(oneLine(taskId), ID_WIDTH),
    clip(oneLine(taskType), TYPE_WIDTH),
    clip(oneLine(queue), QUEUE_WIDTH),
    agoCell(startedAt, nowMs),
    dueCell(deadline, nowMs),
    preview(taskPayload, PAYLOAD_WIDTH),
  ];
}
