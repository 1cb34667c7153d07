import type { ServerInfo, WorkerInfo } from '@nestjs-asynq/core';

/** Who works on a queue. */
export interface QueueFlow {
  /** Running servers that serve it. */
  readonly servers: number;
  /** Tasks that these servers can run at once, of all of their queues. */
  readonly slots: number;
  readonly busySlots: number;
  /** Tasks of this queue that they run. */
  readonly running: readonly WorkerInfo[];
}

/** The flow of each queue that a running server serves. */
export class Fleet {
  constructor(readonly servers: readonly ServerInfo[]) {}

  flowOf(queue: string): QueueFlow {
    const serving = this.servers.filter(({ status, queues }) => status === 'active' && queue in queues);
    const workers = serving.flatMap((server) => server.workers);
    return {
      servers: serving.length,
      slots: serving.reduce((sum, { concurrency }) => sum + concurrency, 0),
      busySlots: workers.length,
      running: workers.filter((worker) => worker.queue === queue),
    };
  }
}

/** The commonest of some names, and how often it occurs. */
export function commonest(names: readonly string[]): readonly [name: string, count: number] | undefined {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].toSorted(([, one], [, other]) => other - one)[0];
}
