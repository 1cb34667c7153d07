import { monotonicMs } from '../../runtime/clock.js';
import type { LoopDeps } from '../../runtime/loop.js';
import type { ServerStatus } from '../../wire/server-info.js';
import { ceilS } from '../../wire/unix-time.js';
import { ExpiryCheck } from './expiry-check.js';
import {
  type BeatListener,
  type BeatTimes,
  type CancelRequest,
  type DistantHeartbeat,
  type Heartbeat,
  longestPauseMs,
} from './heartbeater.js';
import type { LeaseHandle, TrackedTask, TrackOptions } from './lease-handle.js';
import type { LeaseRecord } from './lease-record.js';
import { LeaseTable, type TaskRef } from './lease-table.js';
import { Pulse } from './pulse.js';
import { RecordPool } from './record-pool.js';
import { endsAtMs, type LeaseDeps, RunningLease } from './running-lease.js';
import type { TaskDescription } from './shown-tasks.js';

/** What a heartbeat reports to the running leases. */
export interface HeartbeatListener extends BeatListener {
  /** The heartbeat ended without `stop()`. */
  onDeath(error: Error): void;
}

/** A heartbeat in this thread, which can give way to another. */
export interface InlineHeartbeat extends Heartbeat {
  /** No more beats, until it is started again. */
  rest(): Promise<void>;
}

export interface HeartbeatFactories {
  /** In this thread. */
  readonly inline: (shared: { table: LeaseTable; pulse: Pulse }, listener: HeartbeatListener) => InlineHeartbeat;
  /** In another thread; absent if that is impossible. When it dies the inline heartbeat takes over. */
  readonly thread?: ((pulse: Pulse, listener: HeartbeatListener) => DistantHeartbeat) | undefined;
}

/**
 * The main thread's side of the heartbeat, which keeps the leases of running tasks alive and registers the server for
 * inspectors, once per `heartbeatInterval`. Each task in hand has a record in shared memory, and a handle to it. The
 * heartbeat runs in a thread of its own, which a busy event loop cannot block, and which starts with the first task; until
 * then, or if there can be no thread, in this one.
 */
export class RunningLeases implements HeartbeatListener {
  private readonly table = new LeaseTable();
  private readonly pool = new RecordPool(this.table, (news) => this.thread?.learn(news));
  private readonly pulse: Pulse;
  /** By the slots of their records. */
  private readonly handles: (RunningLease | undefined)[] = [];
  private readonly expiryCheck: ExpiryCheck;
  private readonly leaseDeps: LeaseDeps;
  private readonly inline: InlineHeartbeat;
  private thread: DistantHeartbeat | undefined;
  private hasTracked = false;
  private status: ServerStatus = 'active';
  private lastKey = 0;
  private isStopped = false;

  constructor(
    private readonly factories: HeartbeatFactories,
    { leaseMs, intervalMs }: BeatTimes,
    private readonly onCancel: (request: CancelRequest) => void,
    private readonly deps: LoopDeps,
  ) {
    this.pulse = new Pulse(longestPauseMs({ leaseMs, intervalMs }));
    this.pulse.announce(ceilS(deps.clock.nowMs() + leaseMs));
    this.pulse.note(deps.clock.nowMs());
    this.inline = factories.inline({ table: this.table, pulse: this.pulse }, this);
    this.leaseDeps = { pulse: this.pulse, clock: deps.clock, free: (record) => this.free(record) };
    this.expiryCheck = new ExpiryCheck(this.handles, this.pulse, deps);
  }

  /** The first beat is immediate. */
  async start(): Promise<void> {
    this.inline.start();
    this.expiryCheck.start();
  }

  /** Takes over the leases of tasks just fetched, one handle each, in the order given. */
  track(tasks: readonly TrackedTask[], { returnAtMs }: TrackOptions = {}): LeaseHandle[] {
    if (!this.hasTracked && !this.isStopped) this.startThread();
    const nowMs = monotonicMs(this.deps.clock);
    const handles = tasks.map((tracked) => this.add(tracked, nowMs, returnAtMs));
    if (returnAtMs !== undefined && this.pulse.resumeWatch()) this.thread?.watchHeld();
    this.expiryCheck.notice();
    return handles;
  }

  /**
   * Whether this process has been awake long enough for other servers of the machine to have beaten too: only then does an
   * expired lease mean that its server is gone.
   */
  isSteady(): boolean {
    return this.pulse.isSteady(this.deps.clock.nowMs());
  }

  /** Whether the last heartbeat, in whichever thread, is recent. It beats even while Redis does not answer. */
  isBeating(): boolean {
    return this.pulse.isBeating(this.deps.clock.nowMs());
  }

  /** Inspectors see it from the next beat on. */
  setStatus(status: ServerStatus): void {
    this.status = status;
    this.inline.setStatus(status);
    this.thread?.setStatus(status);
  }

  /** Deregisters the server. Stop all other parts first. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.expiryCheck.stop();
    const { thread } = this;
    if (thread?.hasBegun) {
      await this.inline.rest();
      await thread.stop();
    } else {
      await thread?.abandon();
      await this.inline.stop();
    }
  }

  async describe(tasks: readonly TaskRef[]): Promise<(TaskDescription | undefined)[]> {
    return tasks.map((task) => this.handleOf(task)?.describe());
  }

  onLost(tasks: readonly TaskRef[]): void {
    for (const task of tasks) this.handleOf(task)?.lose();
  }

  onCancelRequests(requests: readonly CancelRequest[]): void {
    for (const request of requests) this.onCancel(request);
  }

  onDeath(error: Error): void {
    if (this.isStopped) return;
    this.deps.logger.warn('the heartbeat thread died; the main thread takes over', { error });
    this.thread = undefined;
    this.table.releaseAll();
    this.inline.start();
  }

  private startThread(): void {
    this.hasTracked = true;
    if (!this.factories.thread) return;
    try {
      this.thread = this.factories.thread(this.pulse, this);
    } catch (error) {
      this.deps.logger.warn('cannot create the heartbeat thread; the heartbeat runs in the main thread', { error });
      return;
    }
    this.thread.setStatus(this.status);
    this.pulse.note(this.deps.clock.nowMs()); // it takes time to start, and may be frozen before that
    void this.inline.rest();
  }

  private add(tracked: TrackedTask, nowMs: number, returnAtMs: number | undefined): RunningLease {
    const { id, queue } = tracked.task.message;
    const key = (this.lastKey = (this.lastKey + 1) >>> 0); // the records hold 32 bits
    const { leaseExpiresAtS } = tracked.task;
    const record = this.pool.take({ key, id, queue, leaseExpiresAtS, returnAtMs, endsAtMs: endsAtMs(tracked, nowMs) });
    return (this.handles[record.slot] = new RunningLease(record, key, tracked, this.leaseDeps));
  }

  private free(record: LeaseRecord): void {
    this.handles[record.slot] = undefined;
    this.pool.putBack(record);
  }

  private handleOf({ slot, key }: TaskRef): RunningLease | undefined {
    const handle = this.handles[slot];
    return handle?.key === key ? handle : undefined;
  }
}
