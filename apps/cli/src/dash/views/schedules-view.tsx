import type { ScheduleInfo } from '@nestjs-asynq/core';
import { Text } from 'ink';
import type { ReactNode } from 'react';
import { agoCell, dueCell, oneLine } from '../../output/cells.js';
import { clip } from '../../output/width.js';
import { type Entry, type SchedulesContent, schedulesFit } from '../view.js';
import { PagedTable } from './row-table.js';

const NAME_WIDTH = 30;
const TITLES = ['Queue', 'Name', 'Spec', 'Type', 'State', 'Next', 'Last'];

interface SchedulesViewProps {
  readonly content: SchedulesContent;
  readonly selected: number;
  readonly lines: number;
  readonly nowMs: number;
}

/** Stored schedules, and below them the entries of Go's schedulers. */
export function SchedulesView({ content, selected, lines, nowMs }: SchedulesViewProps): ReactNode {
  const { schedules, entries } = content;
  const rows = [
    ...schedules.map((schedule) => scheduleRow(schedule, nowMs)),
    ...entries.map((entry) => entryRow(entry, nowMs)),
  ];
  if (rows.length === 0) return <Text>No schedules</Text>;
  return <PagedTable titles={TITLES} rows={rows} selected={selected} fits={schedulesFit(lines)} />;
}

function scheduleRow(schedule: ScheduleInfo, nowMs: number): string[] {
  const { queue, name, spec, type, isPaused, entryIds, nextAt, lastFiredAt } = schedule;
  const isLive = !isPaused && entryIds.length > 0;
  return [
    ...[queue, name, spec, type].map((text) => clip(oneLine(text), NAME_WIDTH)),
    isPaused ? 'paused' : isLive ? 'live' : 'idle',
    isLive ? dueCell(nextAt, nowMs) : '',
    lastFiredAt ? agoCell(lastFiredAt, nowMs) : '',
  ];
}

function entryRow({ id, spec, taskType, nextEnqueueAt, prevEnqueueAt }: Entry, nowMs: number): string[] {
  return [
    '',
    ...[id, spec, taskType].map((text) => clip(oneLine(text), NAME_WIDTH)),
    'live',
    dueCell(nextEnqueueAt, nowMs),
    prevEnqueueAt ? agoCell(prevEnqueueAt, nowMs) : '',
  ];
}
