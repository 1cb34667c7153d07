import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage } from '../../wire/task-message.js';
import { ceilS } from '../../wire/unix-time.js';
import type { ScheduleOps, ScheduleProgress, TickOutcome, TickTask } from '../schedule-roles.js';
import type { RedisLink } from './redis-link.js';

export function scheduleOps(redis: RedisLink): ScheduleOps {
  return {
    async saveSchedule({ queue, name, spec, taskType }) {
      const reply = await redis.run(
        scripts.saveSchedule,
        { schedule: keys.schedule(queue, name), schedules: keys.schedules(queue) },
        { name, spec, taskType, nowMs: redis.clock.nowMs() },
      );
      return readProgress(reply as ProgressReply)!;
    },

    async fireTick({ queue, name, spec, claimedMs, tickMs, task }) {
      // Before the task is written, so that no inspector meets a task of an unknown queue.
      await redis.command('SADD', (client) => client.sadd(keys.queues, queue));
      const isScheduled = task.processAtMs !== undefined && task.processAtMs > redis.clock.nowMs();
      const [result, ...progress] = (await redis.run(
        scripts.fireTick,
        {
          schedule: keys.schedule(queue, name),
          task: keys.task(queue, task.message.id),
          pending: keys.pending(queue),
          scheduled: keys.scheduled(queue),
          lock: task.uniqueTtlS === undefined ? [] : [task.message.uniqueKey],
        },
        { spec, claimedMs, tickMs, ...taskArgs(redis, queue, task, isScheduled) },
      )) as [number, ...ProgressReply];
      return { outcome: toOutcome(result, isScheduled), progress: readProgress(progress) };
    },

    async setSchedulePaused({ queue, name }, isPaused) {
      const reply = await redis.run(
        scripts.pauseSchedule,
        { schedule: keys.schedule(queue, name) },
        { isPaused: Number(isPaused), nowMs: redis.clock.nowMs() },
      );
      return reply === -1 ? undefined : reply === 1;
    },

    async removeSchedule({ queue, name }) {
      const [removed] = await redis.pipeline('DEL', (pipeline) => {
        pipeline.del(keys.schedule(queue, name)).srem(keys.schedules(queue), name);
      });
      return removed === 1;
    },

    async schedules(queue) {
      const names = (await redis.command('SMEMBERS', (client) => client.smembers(keys.schedules(queue)))).sort();
      if (names.length === 0) return [];
      const replies = (await redis.pipeline('HMGET', (pipeline) => {
        for (const name of names) pipeline.hmget(keys.schedule(queue, name), 'spec', 'type', ...PROGRESS_FIELDS);
      })) as [string | null, string | null, ...ProgressReply][];
      return replies.flatMap(([spec, taskType, ...progress], at) => {
        const read = readProgress(progress);
        return spec !== null && read ? [{ queue, name: names[at]!, spec, taskType: taskType ?? '', ...read }] : [];
      });
    },
  };
}

const PROGRESS_FIELDS = ['since_ms', 'claimed_ms', 'fired_ms', 'paused_ms'] as const;

type Text = string | Buffer | null;
type ProgressReply = [sinceMs: Text, claimedMs: Text, firedMs: Text, pausedMs: Text];

function readProgress([sinceMs, claimedMs, firedMs, pausedMs]: ProgressReply): ScheduleProgress | undefined {
  if (sinceMs === null) return undefined;
  return {
    sinceMs: Number(sinceMs),
    claimedMs: Number(claimedMs),
    firedMs: firedMs === null ? undefined : Number(firedMs),
    isPaused: pausedMs !== null,
  };
}

const taskArgs = (
  { clock }: RedisLink,
  queue: string,
  { message, processAtMs = 0, uniqueTtlS = 0 }: TickTask,
  isScheduled: boolean,
) => ({
  taskId: message.id,
  message: encodeTaskMessage(message),
  pendingSinceNs: clock.nowNs(),
  processAtS: isScheduled ? ceilS(processAtMs) : 0,
  dueAtMs: Math.ceil(processAtMs),
  uniqueTtlS,
  nudgeChannel: keys.nudgeChannel(queue),
});

/** Results of `fire-tick`, but for 1. */
const REFUSALS: Readonly<Record<number, TickOutcome>> = {
  2: { status: 'duplicate' },
  0: { status: 'idConflict' },
  [-1]: { status: 'claimed' },
  [-2]: { status: 'paused' },
  [-3]: { status: 'replaced' },
  [-4]: { status: 'missing' },
};

const toOutcome = (result: number, isScheduled: boolean): TickOutcome =>
  REFUSALS[result] ?? { status: 'enqueued', state: isScheduled ? 'scheduled' : 'pending' };
