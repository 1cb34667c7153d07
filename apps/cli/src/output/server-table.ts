import type { ServerInfo } from '@nestjs-asynq/core';
import { agoCell } from './cells.js';
import { compareText } from './table.js';

/** The columns that asynq shows of servers. */
export const SERVER_TITLES = ['Host', 'PID', 'State', 'Active Workers', 'Queues', 'Started'];

export function serverRows(servers: readonly ServerInfo[], nowMs: number): (string | number)[][] {
  return servers.map((server) => [
    server.host,
    server.pid,
    server.status,
    `${server.workers.length}/${server.concurrency}`,
    queuesCell(server.queues),
    agoCell(server.startedAt, nowMs),
  ]);
}

/** By host and process. */
export function serversInOrder(servers: readonly ServerInfo[]): ServerInfo[] {
  return servers.toSorted((one, other) => compareText(one.host, other.host) || one.pid - other.pid);
}

/** `name:priority`, the highest priority first. */
function queuesCell(queues: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(queues).toSorted(
    ([name, priority], [otherName, otherPriority]) => otherPriority - priority || compareText(name, otherName),
  );
  return sorted.map(([name, priority]) => `${name}:${priority}`).join(' ');
}
