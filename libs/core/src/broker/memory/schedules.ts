import { encodeTaskMessage } from '../../wire/task-message.js';
import type {
  ScheduleOps,
  ScheduleProgress,
  ScheduleTick,
  StoredSchedule,
  TickOutcome,
} from '../contract/schedules.js';
import { digestOf, readTemplate } from '../stored-template.js';
import { writeTask } from './enqueue.js';
import type { MemorySchedule, MemoryStore } from './memory-store.js';
import { subscribe } from './subscribe.js';
import { queueMicrotask } from '../../runtime/microtasks.js';

export function scheduleOps(store: MemoryStore): ScheduleOps {
  return {
    async saveSchedule(definition) {
      const { queue, name, spec, catchUp = 'skip', template } = definition;
      const { message, ...times } = template;
      const nowMs = store.clock.nowMs();
      const { schedules } = store.queue(queue);
      const known = schedules.get(name);
      const digest = digestOf(definition);
      const task = { taskType: message.type, msg: encodeTaskMessage(message), times, catchUp, digest };
      const schedule =
        known?.spec === spec
          ? { ...known, ...task }
          : { spec, ...task, sinceMs: nowMs, claimedMs: nowMs, isPaused: known?.isPaused ?? false };
      schedules.set(name, schedule);
      store.scheduleQueues.add(queue);
      const replaced = known && known.digest !== digest ? toStored(queue, name, known) : undefined;
      if (replaced) notifyChange(store, queue, name);
      return { progress: progressOf(schedule), replaced };
    },

    async fireTick(tick) {
      store.announced.add(tick.queue);
      const schedule = store.queue(tick.queue).schedules.get(tick.name);
      if (!schedule) return { outcome: { status: 'missing' }, progress: undefined };
      const outcome = refusal(schedule, tick) ?? claim(store, schedule, tick);
      return { outcome, progress: progressOf(schedule) };
    },

    async setSchedulePaused({ queue, name }, isPaused) {
      const schedule = store.queue(queue).schedules.get(name);
      if (!schedule) return undefined;
      if (schedule.isPaused === isPaused) return false;
      schedule.isPaused = isPaused;
      if (!isPaused) schedule.claimedMs = store.clock.nowMs();
      notifyChange(store, queue, name);
      return true;
    },

    async removeSchedule(schedule) {
      const { queue, name } = schedule;
      const { schedules } = store.queue(queue);
      if ('template' in schedule && schedules.get(name)?.digest !== digestOf(schedule)) return false;
      const isRemoved = schedules.delete(name);
      if (isRemoved) notifyChange(store, queue, name);
      return isRemoved;
    },

    async findSchedule({ queue, name }) {
      const schedule = store.queue(queue).schedules.get(name);
      return schedule && toStored(queue, name, schedule);
    },

    async schedules(queue) {
      const named = [...store.queue(queue).schedules].sort(([a], [b]) => (a < b ? -1 : 1));
      return named.map(([name, schedule]) => toStored(queue, name, schedule));
    },

    async scheduleQueues() {
      return [...store.scheduleQueues];
    },

    async onScheduleChanged(queue, listener) {
      return subscribe(store.queue(queue).scheduleListeners, (name) => listener(name));
    },
  };
}

function refusal(schedule: MemorySchedule, tick: ScheduleTick): TickOutcome | undefined {
  if (schedule.digest !== digestOf(tick)) return { status: 'replaced' };
  if (schedule.isPaused) return { status: 'paused' };
  return schedule.claimedMs === tick.claimedMs ? undefined : { status: 'claimed' };
}

function claim(store: MemoryStore, schedule: MemorySchedule, { tickMs, task }: ScheduleTick): TickOutcome {
  schedule.claimedMs = tickMs;
  schedule.firedMs = tickMs;
  const { status } = writeTask(store, task);
  if (status === 'idConflict' || status === 'duplicate') return { status };
  return { status: 'enqueued', state: status === 'scheduled' ? 'scheduled' : 'pending' };
}

/** Notifies the listeners asynchronously, never within the operation. */
export function notifyChange(store: MemoryStore, queue: string, name: string): void {
  for (const listener of store.queue(queue).scheduleListeners) queueMicrotask(() => listener(name));
}

function toStored(queue: string, name: string, schedule: MemorySchedule): StoredSchedule {
  const { spec, taskType, msg, times, catchUp } = schedule;
  const template = readTemplate(Uint8Array.from(msg), times);
  return { queue, name, spec, taskType, catchUp, template, ...progressOf(schedule) };
}

function progressOf({ sinceMs, claimedMs, firedMs, isPaused }: MemorySchedule): ScheduleProgress {
  return { sinceMs, claimedMs, firedMs, isPaused };
}
