import type { ForwardOps } from '../../broker/contract/forward.js';
import type { WakeOps } from '../../broker/contract/wake.js';
import type { LoopDeps } from '../../runtime/loop.js';
import { QueueDuty } from './queue-duty.js';
import { QueueWatcher } from './queue-watcher.js';
import { WorkDemand } from './work-demand.js';

export interface WorkWatcherOptions {
  /** All queues of the server, most important first. */
  readonly queues: readonly string[];
  readonly serverId: string;
  /** Most queues that get a blocking connection; the rest are polled. */
  readonly maxBlockingConnections: number;
  readonly taskCheckIntervalMs: number;
}

/** The processor's side: signals of work, and reports of what its fetches found. */
export type WorkSignal = Pick<
  WorkWatcher,
  'onWork' | 'watch' | 'unwatch' | 'reportPaused' | 'reportRemaining' | 'setFree'
>;

/** Whether this server has the leader's duty for a queue: forward, recover, repair, trim. */
export type Leadership = Pick<WorkWatcher, 'isLeader' | 'onElected'>;

interface WatchedQueue {
  readonly duty: QueueDuty;
  readonly watcher: QueueWatcher;
}

/** Watches every queue of a server for work and holds its duties in their fleets. */
export class WorkWatcher {
  private readonly demand: WorkDemand;
  private readonly queues: ReadonlyMap<string, WatchedQueue>;
  private readonly electedListeners = new Set<(queue: string) => void>();

  constructor(
    private readonly broker: WakeOps & Pick<ForwardOps, 'onNudge'>,
    private readonly options: WorkWatcherOptions,
    private readonly deps: LoopDeps,
  ) {
    this.demand = new WorkDemand(deps.clock, () => this.offerDuties());
    this.queues = new Map(options.queues.map((queue, rank) => [queue, this.watchQueue(queue, rank)]));
  }

  start(): void {
    for (const { duty, watcher } of this.queues.values()) {
      duty.start();
      watcher.start();
    }
  }

  /** Gives up the duties, and wakes other servers to take them. */
  async stop(): Promise<void> {
    const watched = [...this.queues.values()];
    await Promise.all(watched.map(({ watcher }) => watcher.stop()));
    await Promise.all(watched.map(({ duty }) => duty.stop()));
  }

  /** Calls back with a queue that may have work; spurious calls happen. For one listener. */
  onWork(listener: (queue: string) => void): void {
    this.demand.onWork = listener;
  }

  /** Watches a queue until it may have work. */
  watch(queue: string): void {
    if (this.demand.isWatched(queue)) return;
    this.demand.watch(queue);
    this.queues.get(queue)?.watcher.wake();
  }

  /** Stops watching a queue. */
  unwatch(queue: string): void {
    this.demand.unwatch(queue);
  }

  /** A fetch found the queue paused: its pending list is not watched until it is unpaused. */
  reportPaused(queue: string): void {
    this.queues.get(queue)?.watcher.pause();
  }

  /** After a wake-up, a fetch took all it could and left `remaining` tasks pending: wakes idle servers for them. */
  reportRemaining(queue: string, remaining: number): void {
    void this.queues.get(queue)?.watcher.wakeOthers(remaining); // never rejects
  }

  /** Whether any slot is free. A server without free slots for a while leaves the watching to others. */
  setFree(hasFreeSlots: boolean): void {
    this.demand.setFree(hasFreeSlots);
  }

  isLeader(queue: string): boolean {
    return this.queues.get(queue)?.duty.isLeader() ?? false;
  }

  /** Calls back with the queue when this server becomes its leader. Returns a function that ends it. */
  onElected(listener: (queue: string) => void): () => void {
    this.electedListeners.add(listener);
    return () => void this.electedListeners.delete(listener);
  }

  private watchQueue(queue: string, rank: number): WatchedQueue {
    const { serverId, maxBlockingConnections, taskCheckIntervalMs } = this.options;
    const onGained = (): void => this.onGained(queue);
    const duty = new QueueDuty(this.broker, this.demand, { queue, serverId, onGained }, this.deps);
    const watching = { queue, canBlock: rank < maxBlockingConnections, pollIntervalMs: taskCheckIntervalMs };
    return { duty, watcher: new QueueWatcher(this.broker, duty, this.demand, watching, this.deps) };
  }

  /** A full server cannot take the work that it watches for. */
  private offerDuties(): void {
    for (const { duty } of this.queues.values()) duty.wake();
  }

  private onGained(queue: string): void {
    this.demand.signal(queue); // tasks that came while no server held the duty
    if (!this.isLeader(queue)) return;
    for (const listener of this.electedListeners) listener(queue);
  }
}
