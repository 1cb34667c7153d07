import type { MemoryQueue, MemoryStore } from '../broker/memory/memory-store.js';
import type { SortedSet } from '../broker/memory/sorted-set.js';
import type { SchedulerEnqueueEvent, SchedulerEntry } from '../wire/scheduler-entry.js';
import type { ServerInfo } from '../wire/server-info.js';
import { ceilS, fromS } from '../wire/unix-time.js';
import {
  type Backdoor,
  type CounterDump,
  dumpTask,
  type Injection,
  type PresenceDump,
  type QueueDump,
  type Scores,
  sortSets,
} from './queue-dump.js';

/** How long an injected lock is held. */
const LOCK_TTL_MS = 3_600_000;

export class MemoryBackdoor implements Backdoor {
  constructor(
    private readonly store: MemoryStore,
    private readonly queueName: string,
  ) {}

  private get queue(): MemoryQueue {
    return this.store.queue(this.queueName);
  }

  async dump(): Promise<QueueDump> {
    const { queue } = this;
    return {
      nextUp: [...queue.pending].reverse(),
      active: [...queue.active],
      leases: scores(queue.lease),
      scheduled: scores(queue.scheduled, ceilS),
      retry: scores(queue.retry, ceilS),
      archived: scores(queue.archived),
      completed: scores(queue.completed),
      groups: Object.fromEntries([...queue.groups].map(([name, set]) => [name, scores(set)])),
      aggregationSets: sortSets(
        [...queue.aggregationSets.values()].map(({ group, deadlineS, members }) => ({
          ...{ group, deadlineS },
          members: scores(members),
        })),
      ),
      groupNames: [...queue.groupNames].sort(),
      tasks: Object.fromEntries([...queue.tasks].map(([id, task]) => [id, dumpTask(task)])),
      locks: Object.fromEntries(queue.locks.entries()),
      processed: counter(queue, 'processed'),
      failed: counter(queue, 'failed'),
      ...(queue.pausedAtS !== undefined && { pausedAtS: queue.pausedAtS }),
      isAnnounced: this.store.announced.has(this.queueName),
      strayKeys: [],
    };
  }

  async presence({ serverId }: ServerInfo): Promise<PresenceDump | undefined> {
    const shown = this.store.presence.get(serverId);
    if (!shown) return undefined;
    return {
      server: shown.server,
      workers: Object.fromEntries(shown.workers.map((worker) => [worker.taskId, worker])),
    };
  }

  async plan(schedulerId: string): Promise<SchedulerEntry[]> {
    return [...(this.store.schedulers.get(schedulerId) ?? [])];
  }

  async history(entryId: string): Promise<SchedulerEnqueueEvent[]> {
    return [...(this.store.schedulerEvents.get(entryId) ?? [])];
  }

  async inject(injection: Injection): Promise<void> {
    const { queue } = this;
    for (const [id, fields] of Object.entries(injection.tasks ?? {})) {
      if (fields) Object.assign(queue.task(id), fields);
      else queue.tasks.delete(id);
    }
    for (const id of injection.nextUp ?? []) queue.pending.pushLeft(id);
    for (const id of [...(injection.active ?? [])].reverse()) queue.active.pushLeft(id);
    for (const [id, score] of Object.entries(injection.leases ?? {})) {
      if (score === undefined) queue.lease.delete(id);
      else queue.lease.set(id, score);
    }
    for (const state of ['scheduled', 'retry'] as const) {
      for (const [id, score] of Object.entries(injection[state] ?? {})) {
        const exactMs = queue.tasks.get(id)?.dueAtMs ?? 0;
        queue[state].set(id, ceilS(exactMs) === score ? exactMs : fromS(score)); // a Go server leaves old times behind
      }
    }
    for (const state of ['archived', 'completed'] as const) {
      for (const [id, score] of Object.entries(injection[state] ?? {})) queue[state].set(id, score);
    }
    for (const name of injection.unnamedGroups ?? []) queue.groupNames.delete(name);
    const expiresAtMs = this.store.clock.nowMs() + LOCK_TTL_MS;
    for (const [lock, holderId] of Object.entries(injection.locks ?? {})) queue.locks.set(lock, holderId, expiresAtMs);
  }

  async destroy(): Promise<void> {
    this.store.forget(this.queueName);
  }
}

function scores(set: SortedSet, toScore = (score: number): number => score): Scores {
  return Object.fromEntries([...set].map(({ id, score }) => [id, toScore(score)]));
}

function counter({ counters }: MemoryQueue, name: 'processed' | 'failed'): CounterDump {
  const days = [...counters.days].filter(([, count]) => count[name] > 0).map(([day, count]) => [day, count[name]]);
  return { total: counters.total[name], days: Object.fromEntries(days) as Record<string, number> };
}
