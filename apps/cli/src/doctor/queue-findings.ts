import { QUEUE_ALARMS, type QueueInfo, type TaskInfo } from '@nestjs-asynq/core';
import { countOf } from '../commands/command.js';
import { goDuration } from '../output/go-duration.js';
import type { Finding } from './finding.js';
import { commonest, type QueueFlow } from './queue-flow.js';

const { waitMs, longWaitMs, longPauseMs, fewAttempts, failedShare } = QUEUE_ALARMS;
/** A due task that a server serves is moved within seconds. */
const OVERDUE_MS = 15_000;
/** asynq keeps this many archived tasks of a queue, and deletes older ones. */
const MOST_ARCHIVED = 10_000;

/** What was read about a queue. */
export interface QueueReading {
  readonly info: QueueInfo;
  readonly flow: QueueFlow;
  readonly nowMs: number;
  /** Attempts per second, and tasks per second by which `pending` grows; `undefined`: not measured. */
  readonly rates: { readonly processedPerS: number; readonly growthPerS: number } | undefined;
  /** Active tasks whose lease has ended. */
  readonly orphans: number;
  /** Tasks that were archived in the last hour, up to a limit. */
  readonly archivedLately: readonly TaskInfo[];
  /** Tasks that failed because no server knew their type, up to a limit. */
  readonly unknownTypes: readonly TaskInfo[];
}

type Check = (reading: QueueReading) => Omit<Finding, 'queue'> | undefined;

/** What is wrong with a queue. */
export function queueFindings(reading: QueueReading): Finding[] {
  const { queue } = reading.info;
  return CHECKS.flatMap((check) => {
    const found = check(reading);
    return found ? [{ ...found, queue }] : [];
  });
}

const CHECKS: readonly Check[] = [
  function unserved({ info: { queue, pending, scheduled, retry }, flow }) {
    const waiting = pending + scheduled + retry;
    if (flow.servers > 0 || waiting === 0) return undefined;
    return {
      severity: pending > 0 ? 'high' : 'medium',
      code: 'unserved',
      problem: `No running server serves this queue, and ${countOf(waiting)} wait.`,
      advice: `Start a worker whose queues include "${queue}"; compare its name with: asynq server ls.`,
    };
  },
  function paused({ info: { queue, isPaused, pausedAt, pending }, nowMs }) {
    if (!isPaused) return undefined;
    const forMs = pausedAt ? nowMs - pausedAt.getTime() : 0;
    return {
      severity: pending > 0 && forMs >= longPauseMs ? 'high' : 'medium',
      code: 'paused',
      problem: `It is paused${pausedAt ? ` since ${goDuration(forMs)}` : ''}: no server starts its tasks.`,
      advice: `asynq queue resume ${queue}`,
    };
  },
  function saturated({ info: { queue, pending, isPaused }, flow }) {
    if (isPaused || pending === 0 || flow.servers === 0 || flow.busySlots < flow.slots) return undefined;
    const [type, count] = commonest(flow.running.map(({ taskType }) => taskType)) ?? [];
    const own =
      type === undefined
        ? ', none with this queue'
        : `, ${flow.running.length} with this queue: ${count} with "${type}"`;
    return {
      severity: 'high',
      code: 'saturated',
      problem: `All ${flow.slots} slots of its servers are busy${own}.`,
      advice:
        type === undefined
          ? `Its servers prefer other queues: raise the weight of "${queue}", or start a worker for it alone.`
          : 'Start more workers or raise their concurrency; a runaway is stopped by: asynq task cancel ID --then archive.',
    };
  },
  function waiting({ info: { latencyMs, isPaused, pending }, flow, rates }) {
    if (latencyMs < waitMs || isPaused || flow.servers === 0) return undefined;
    const pace =
      rates === undefined
        ? ''
        : `; ${rates.processedPerS.toFixed(1)} attempts per second, ${trendOf(pending, rates.growthPerS)}`;
    return {
      severity: latencyMs >= longWaitMs ? 'high' : 'medium',
      code: 'waiting',
      problem: `The next task has waited for ${goDuration(latencyMs)} behind ${countOf(pending)}${pace}.`,
      advice: 'If its slots are busy, add workers; if they are free, look at the findings about Redis and the servers.',
    };
  },
  function overdue({ info: { overdueMs }, flow }) {
    if (flow.servers === 0 || overdueMs < OVERDUE_MS) return undefined;
    return {
      severity: 'high',
      code: 'overdue',
      problem: `A task was due ${goDuration(overdueMs)} ago, and no server has made it pending.`,
      advice: 'Its servers may hang or have lost Redis: look at their logs, and restart them one after the other.',
    };
  },
  function leasesLost({ orphans }) {
    if (orphans === 0) return undefined;
    return {
      severity: 'high',
      code: 'leasesLost',
      problem: `The leases of ${countOf(orphans, 'running task')} have ended: their workers were killed, or hang.`,
      advice: 'Another server runs them again; look for crashes (memory, restarts) of the workers.',
    };
  },
  function failing({ info: { processedToday, failedToday } }) {
    if (processedToday < fewAttempts || failedToday / processedToday < failedShare) return undefined;
    const share = Math.round((100 * failedToday) / processedToday);
    return {
      severity: 'medium',
      code: 'failing',
      problem: `${share} % of today's ${countOf(processedToday, 'attempt')} failed.`,
      advice: 'See why: asynq task find --by failure --since 1h, and the column Last Error.',
    };
  },
  function archived({ info: { queue, archived: total }, archivedLately }) {
    if (archivedLately.length === 0) return undefined;
    const [error, count] = commonest(archivedLately.map(({ lastError }) => firstLine(lastError)))!;
    const full = total >= MOST_ARCHIVED ? `; the archive holds ${total}, and the oldest are being deleted` : '';
    return {
      severity: full === '' ? 'medium' : 'high',
      code: 'archived',
      problem: `${countOf(archivedLately.length)} were archived in the last hour, ${count} of them with: ${error}${full}.`,
      advice: `When the cause is gone: asynq task find -q ${queue} -s archived --since 1h --run`,
    };
  },
  function unknownTypes({ info: { queue }, unknownTypes: tasks }) {
    const [type, count] = commonest(tasks.map((task) => task.type)) ?? [];
    if (type === undefined) return undefined;
    return {
      severity: 'high',
      code: 'unknownTypes',
      problem: `No server of this queue has a handler for "${type}" (${countOf(count!)}).`,
      advice: `Deploy the worker that has it, then: asynq task find -q ${queue} -t '${type}' --run`,
    };
  },
  function wrongTypes({ info: { wrongTypeKeys } }) {
    const [key] = wrongTypeKeys;
    if (key === undefined) return undefined;
    return {
      severity: 'high',
      code: 'wrongType',
      problem: `Another program has overwritten ${wrongTypeKeys.join(', ')}: it counts as empty.`,
      advice: 'Rename or delete the key.',
    };
  },
];

function trendOf(pending: number, growthPerS: number): string {
  if (growthPerS > 0.05) return `and ${growthPerS.toFixed(1)} more wait each second`;
  if (growthPerS > -0.05) return 'and as many wait as before';
  return `done in about ${goDuration((pending / -growthPerS) * 1_000)}`;
}

const firstLine = (text: string): string => text.split('\n')[0]!.slice(0, 100);
