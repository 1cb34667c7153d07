import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage } from '../../wire/task-message.js';
import { floorS } from '../../wire/unix-time.js';
import type { CatchUp, ScheduleOps, ScheduleProgress, StoredSchedule, TickOutcome } from '../contract/schedules.js';
import { digestOf, readTemplate } from '../stored-template.js';
import { isDelayed, newTaskArgs } from './new-task.js';
import { QueueNames } from './queue-names.js';
import { readHashes } from './read-hashes.js';
import type { RedisLink } from './redis-link.js';
import type { RedisSubscriber } from './redis-subscriber.js';
import { setMembers } from './set-members.js';

export function scheduleOps(redis: RedisLink, subscriber: RedisSubscriber, queueNames: QueueNames): ScheduleOps {
  const scheduleQueues = new QueueNames(redis, keys.scheduleQueues);

  async function read(queue: string, names: readonly string[]): Promise<(StoredSchedule | undefined)[]> {
    const replies = await readHashes(
      redis,
      names.map((name) => keys.schedule(queue, name)),
      FIELDS,
    );
    return replies.map((reply, at) => toStored(queue, names[at]!, reply));
  }

  return {
    async saveSchedule(definition) {
      const { queue, name, spec, catchUp = 'skip', template } = definition;
      const { message, processAtMs = '', processInMs = '', uniqueTtlMs = '', backoff = '' } = template;
      // In another slot, so that it cannot be in the script; a superfluous name is harmless.
      await scheduleQueues.announce(queue);
      const reply = await redis.run(
        scripts.saveSchedule,
        { schedule: keys.schedule(queue, name), schedules: keys.schedules(queue) },
        {
          name,
          spec,
          taskType: message.type,
          message: encodeTaskMessage(message),
          processAtMs,
          processInMs,
          uniqueTtlMs,
          catchUp: catchUp === 'skip' ? '' : catchUp,
          backoff,
          digest: digestOf(definition),
          nowMs: redis.clock.nowMs(),
          changeChannel: keys.scheduleChannel(queue),
        },
      );
      const [progress, isListed, replaced] = reply as [ProgressReply, isListed: number, FieldsReply | null];
      if (isListed === 0) await redis.reportOddKey('save-schedule', keys.schedules(queue), 'set');
      return { progress: readProgress(progress)!, replaced: replaced ? toStored(queue, name, replaced) : undefined };
    },

    async fireTick(tick) {
      const { queue, name, claimedMs, tickMs, task } = tick;
      // Before the task is written, so that inspectors know the queue of every task.
      await queueNames.announce(queue);
      const nowMs = redis.clock.nowMs();
      const [result, ...progress] = (await redis.run(
        scripts.fireTick,
        {
          schedule: keys.schedule(queue, name),
          task: keys.task(queue, task.message.id),
          pending: keys.pending(queue),
          scheduled: keys.scheduled(queue),
          completed: keys.completed(queue),
          lock: task.uniqueTtlS === undefined ? [] : [task.message.uniqueKey],
        },
        {
          digest: digestOf(tick),
          claimedMs,
          tickMs,
          nowS: floorS(nowMs),
          nowNs: redis.clock.nowNs(),
          nudgeChannel: keys.nudgeChannel(queue),
          ...newTaskArgs(task, nowMs),
        },
      )) as [number, ...ProgressReply];
      return { outcome: toOutcome(result, isDelayed(task, nowMs)), progress: readProgress(progress) };
    },

    async setSchedulePaused({ queue, name }, isPaused) {
      const reply = await redis.run(
        scripts.pauseSchedule,
        { schedule: keys.schedule(queue, name) },
        {
          isPaused: Number(isPaused),
          nowMs: redis.clock.nowMs(),
          name,
          changeChannel: keys.scheduleChannel(queue),
        },
      );
      return reply === -1 ? undefined : reply === 1;
    },

    async removeSchedule(schedule) {
      const { queue, name } = schedule;
      const reply = await redis.run(
        scripts.removeSchedule,
        { schedule: keys.schedule(queue, name), schedules: keys.schedules(queue) },
        {
          name,
          digest: 'template' in schedule ? digestOf(schedule) : '',
          changeChannel: keys.scheduleChannel(queue),
        },
      );
      return reply === 1;
    },

    async findSchedule({ queue, name }) {
      return (await read(queue, [name]))[0];
    },

    async schedules(queue) {
      const names = (await setMembers(redis, keys.schedules(queue))).sort();
      return (await read(queue, names)).filter((schedule) => schedule !== undefined);
    },

    scheduleQueues: () => setMembers(redis, keys.scheduleQueues),

    onScheduleChanged: (queue, listener) => subscriber.subscribe(keys.scheduleChannel(queue), listener),
  };
}

const PROGRESS_FIELDS = ['since_ms', 'claimed_ms', 'fired_ms', 'paused_ms'] as const;
const FIELDS = [
  ...PROGRESS_FIELDS,
  'spec',
  'type',
  'msg',
  'process_at_ms',
  'process_in_ms',
  'unique_ms',
  'catch_up',
  'backoff',
] as const;

type Text = string | Buffer | null;
/** The values of `FIELDS`. */
type FieldsReply = readonly (Buffer | null)[];
type ProgressReply = [sinceMs: Text, claimedMs: Text, firedMs: Text, pausedMs: Text];

function readProgress([sinceMs, claimedMs, firedMs, pausedMs]: ProgressReply): ScheduleProgress | undefined {
  if (sinceMs === null) return undefined;
  return {
    sinceMs: Number(sinceMs),
    claimedMs: Number(claimedMs),
    firedMs: numberOf(firedMs),
    isPaused: pausedMs !== null,
  };
}

function toStored(queue: string, name: string, reply: FieldsReply): StoredSchedule | undefined {
  const [
    sinceMs,
    claimedMs,
    firedMs,
    pausedMs,
    spec,
    type,
    msg,
    processAtMs,
    processInMs,
    uniqueTtlMs,
    catchUp,
    backoff,
  ] = reply as readonly Text[];
  const progress = readProgress([sinceMs!, claimedMs!, firedMs!, pausedMs!]);
  if (!spec || !progress) return undefined;
  const template = readTemplate(msg as Buffer | null, {
    processAtMs: numberOf(processAtMs!),
    processInMs: numberOf(processInMs!),
    uniqueTtlMs: numberOf(uniqueTtlMs!),
    backoff: backoff?.toString(),
  });
  return {
    queue,
    name,
    spec: spec.toString(),
    taskType: type?.toString() ?? '',
    catchUp: readCatchUp(catchUp!),
    template,
    ...progress,
  };
}

const CATCH_UPS: readonly CatchUp[] = ['one', 'all'];
const readCatchUp = (text: Text): CatchUp => CATCH_UPS.find((catchUp) => catchUp === text?.toString()) ?? 'skip';

const numberOf = (text: Text): number | undefined => (text === null ? undefined : Number(text));

/** Results of `fire-tick`, except 1. */
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
