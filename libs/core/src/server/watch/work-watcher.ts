import type { ForwardOps } from '../../broker/contract/forward.js';
import type { WakeOps } from '../../broker/contract/wake.js';
import { monotonicMs } from '../../runtime/clock.js';
import type { LoopDeps } from '../../runtime/loop.js';
import { ChangeWatcher } from './change-watcher.js';
import { Duties } from './duties.js';
import { QueuePoller } from './queue-poller.js';
import { QueueWatcher } from './queue-watcher.js';
import { WorkDemand, type WorkListener } from './work-demand.js';

export interface WorkWatcherOptions {
  /** All queues of the server, most important first. */
  readonly queues: readonly string[];
  readonly serverId: string;
  /** How long a duty outlives its holder. */
  readonly dutyLeaseMs: number;
  /** Maximum number of queues with a blocking connection; the rest share two per node. */
  readonly maxBlockingConnections: number;
  readonly taskCheckIntervalMs: number;
}

/** The processor's side: signals of work, and reports of the results of its fetches. */
export type WorkSignal = Pick<
  WorkWatcher,
  | 'listen'
  | 'watch'
  | 'unwatch'
  | 'isAlwaysWatched'
  | 'filledAmong'
  | 'reportPaused'
  | 'reportRemaining'
  | 'setFree'
  | 'setRoom'
  | 'setPassing'
>;

/** Whether this server has the leader's duty for a queue: forward, recover, repair, trim. */
export type Leadership = Pick<WorkWatcher, 'isLeader' | 'onElected'>;

/** Under load every fetch leaves tasks behind; one batch of tokens in this interval wakes all idle servers. */
const TOKENS_PAUSE_MS = 200;

/**
 * Watches every queue of a server for work, and holds the server's duties for them. The first queues have a blocking
 * connection each; all others share two per node.
 */
export class WorkWatcher {
  private readonly demand: WorkDemand;
  private readonly duties: Duties;
  private readonly watchers = new Map<string, QueueWatcher>();
  private readonly poller: QueuePoller;
  private readonly changes: ChangeWatcher;
  private queueCount = 0;
  private isStarted = false;
  private readonly electedListeners = new Set<(queue: string) => void>();
  /** By queue: until when idle servers need no further tokens. */
  private readonly noTokensUntilMs = new Map<string, number>();

  constructor(
    private readonly broker: WakeOps & Pick<ForwardOps, 'onNudge'>,
    private readonly options: WorkWatcherOptions,
    private readonly deps: LoopDeps,
  ) {
    const { serverId, dutyLeaseMs: leaseMs, taskCheckIntervalMs: pollIntervalMs } = options;
    this.demand = new WorkDemand(deps.clock, () => this.duties.offerAll());
    const onGained = (queue: string): void => this.noteGained(queue);
    this.duties = new Duties(broker, this.demand, { serverId, leaseMs, onGained }, deps);
    this.poller = new QueuePoller(broker, this.duties, this.demand, { pollIntervalMs }, deps);
    this.changes = new ChangeWatcher(broker, this.duties, this.demand, { pollIntervalMs }, deps);
    for (const queue of options.queues) this.add(queue);
  }

  start(): void {
    this.isStarted = true;
    this.duties.start();
    this.poller.start();
    this.changes.start();
    for (const watcher of this.watchers.values()) watcher.start();
  }

  /** Gives up the duties, and wakes other servers to take them over. */
  async stop(): Promise<void> {
    await Promise.all([
      this.poller.stop(),
      this.changes.stop(),
      ...[...this.watchers.values()].map((watcher) => watcher.stop()),
    ]);
    await this.duties.stop();
  }

  /** Watches one more queue, and holds its duties. */
  add(queue: string): void {
    this.duties.add(queue);
    if (this.queueCount++ >= this.options.maxBlockingConnections) return this.poller.add(queue);
    const onCannotBlock = (): void => this.pollInstead(queue);
    const watcher = new QueueWatcher(
      this.broker,
      this.duties.of(queue),
      this.demand,
      { queue, onCannotBlock },
      this.deps,
    );
    this.watchers.set(queue, watcher);
    if (this.isStarted) watcher.start();
  }

  /** For one listener. */
  listen(listener: WorkListener): void {
    this.demand.listener = listener;
  }

  /** Watches a queue until it may have work. */
  watch(queue: string): void {
    if (this.demand.isWatched(queue)) return;
    this.demand.watch(queue);
    if (this.demand.isPassing(queue)) this.changes.await(queue);
    this.wakeWatcher(queue);
  }

  private wakeWatcher(queue: string): void {
    const watcher = this.watchers.get(queue);
    if (watcher) watcher.wake();
    else this.poller.lookAt(queue);
  }

  /**
   * Whether tasks stay at the head of the queue that this server leaves there for now: then it is watched for changes, not for
   * tasks.
   */
  setPassing(queue: string, isPassing: boolean): void {
    this.demand.setPassing(queue, isPassing);
    if (!isPassing && this.demand.isWatched(queue)) this.wakeWatcher(queue);
  }

  /** Whether another task of the queue may run, as far as the queue's own limit goes. Without room others watch it. */
  setRoom(queue: string, hasRoom: boolean): void {
    this.demand.setRoom(queue, hasRoom);
  }

  /** Stops watching a queue. */
  unwatch(queue: string): void {
    this.demand.unwatch(queue);
  }

  /**
   * Whether the queue may be watched while no slot is free, too, so that nobody has to ask it whether it has tasks: one
   * of many queues, whose tasks other servers take when this one does not.
   */
  isAlwaysWatched(queue: string): boolean {
    return !this.watchers.has(queue);
  }

  /** Those of the queues that have tasks and are not paused. Never rejects: after a failure it is all of them. */
  async filledAmong(queues: readonly string[]): Promise<readonly string[]> {
    return this.broker.waitingQueues(queues).catch(() => queues); // their fetches meet the same failure, and report it
  }

  /** A fetch found the queue paused: its pending list is not watched until it is unpaused. */
  reportPaused(queue: string): void {
    this.watchers.get(queue)?.pause();
  }

  /** After a wake-up, a fetch took all it could and left `remaining` tasks pending: wakes as many idle servers. */
  reportRemaining(queue: string, remaining: number): void {
    const nowMs = monotonicMs(this.deps.clock);
    if (remaining <= 0 || nowMs < (this.noTokensUntilMs.get(queue) ?? 0)) return;
    this.noTokensUntilMs.set(queue, nowMs + TOKENS_PAUSE_MS);
    this.broker.wakeIdle(queue, remaining).catch((error: unknown) => {
      // The standby sees the tasks itself, and the next fetch that leaves some behind tries again.
      this.deps.logger.debug(`could not wake other servers of queue "${queue}"`, { error });
    });
  }

  /** Whether any slot is free. A server without free slots for a while leaves the watching to others. */
  setFree(hasFreeSlots: boolean): void {
    this.demand.setFree(hasFreeSlots);
  }

  isLeader(queue: string): boolean {
    return this.duties.isLeader(queue);
  }

  /** Calls back with the queue when this server becomes its leader. Returns a function that ends it. */
  onElected(listener: (queue: string) => void): () => void {
    this.electedListeners.add(listener);
    return () => void this.electedListeners.delete(listener);
  }

  private pollInstead(queue: string): void {
    void this.watchers.get(queue)?.stop(); // in its own step: not awaited
    this.watchers.delete(queue);
    this.poller.add(queue);
  }

  /** Tasks may have arrived while no server held the duty. */
  private noteGained(queue: string): void {
    if (this.watchers.has(queue)) this.demand.signal(queue);
    else this.poller.lookAt(queue);
    if (!this.isLeader(queue)) return;
    for (const listener of this.electedListeners) listener(queue);
  }
}
