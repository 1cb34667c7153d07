import type { LeaseClaim } from '../../broker/contract/lease.js';
import { type Clock, monotonicMs } from '../../runtime/clock.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import { type ServerStatus, shownPayload } from '../../wire/server-info.js';
import { ceilS, fromS } from '../../wire/unix-time.js';
import {
  type BeatListener,
  type BeatTimes,
  type CancelRequest,
  type Heartbeat,
  longestPauseMs,
  type RunningBatch,
  type RunningTask,
} from './heartbeater.js';
import type { LeaseHandle, TrackedTask } from './lease-handle.js';
import { possibleExpiriesS, Pulse, type SharedLease, SharedLeases } from './shared-leases.js';

/** What a heartbeat reports to the running leases. */
export interface HeartbeatListener extends BeatListener {
  /** The heartbeat ended without `stop()`. */
  onDeath(error: Error): void;
}

export interface HeartbeatFactories {
  /** In this thread. */
  readonly inline: (pulse: Pulse, listener: HeartbeatListener) => Heartbeat;
  /** In another thread; absent where that is impossible. When it dies the inline one takes over. */
  readonly thread?: ((pulse: Pulse, listener: HeartbeatListener) => Heartbeat) | undefined;
}

/**
 * Keeps the leases of running tasks alive and registers the server for inspectors, once per `heartbeatInterval`: the main
 * thread's side of the heartbeat. Each running task has a handle over its lease in shared memory. The heartbeat itself runs
 * in this thread, or in one of its own that a busy event loop cannot stop.
 */
export class RunningLeases implements HeartbeatListener {
  private readonly pulse: Pulse;
  private readonly handles = new Map<number, RunningLease>();
  private readonly expiryCheck: ExpiryCheck;
  private heartbeat: Heartbeat;
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
    this.pulse.note(deps.clock.nowMs()); // a thread takes a while to start, and may be frozen before that
    this.heartbeat = this.createHeartbeat();
    this.expiryCheck = new ExpiryCheck(this.handles, this.pulse, deps);
  }

  /** First beat at once. */
  async start(): Promise<void> {
    this.heartbeat.start();
    this.expiryCheck.start();
  }

  /** Takes over the leases of tasks just fetched, one handle each, in the order given. */
  track(tasks: readonly TrackedTask[]): LeaseHandle[] {
    const leases = SharedLeases.of(tasks.map(({ task }) => task.leaseExpiresAtS));
    const batch = { leases: leases.buffer, tasks: tasks.map((tracked) => this.toRunning(tracked)) };
    this.heartbeat.track(batch);
    this.expiryCheck.notice();
    return batch.tasks.map((task, index) => {
      const end = (): void => void this.handles.delete(task.key);
      const handle = new RunningLease(
        task,
        leases.lease(index),
        { pulse: this.pulse, batch, clock: this.deps.clock },
        end,
      );
      this.handles.set(task.key, handle);
      return handle;
    });
  }

  /**
   * Whether this process has been awake long enough for other servers of the machine to have beaten too: only then does an
   * expired lease mean that its server is gone.
   */
  isSteady(): boolean {
    return this.pulse.isSteady(this.deps.clock.nowMs());
  }

  /** Shown to inspectors from the next beat on. */
  setStatus(status: ServerStatus): void {
    this.status = status;
    this.heartbeat.setStatus(status);
  }

  /** Removes the server's presence. Call it last of all parts. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.expiryCheck.stop();
    await this.heartbeat.stop();
  }

  onLost(keys: readonly number[]): void {
    for (const key of keys) this.handles.get(key)?.lose();
  }

  onCancelRequests(requests: readonly CancelRequest[]): void {
    for (const request of requests) this.onCancel(request);
  }

  onDeath(error: Error): void {
    if (this.isStopped) return;
    this.deps.logger.warn('the heartbeat thread died; the main thread takes over', { error });
    this.heartbeat = this.factories.inline(this.pulse, this);
    this.heartbeat.setStatus(this.status);
    for (const batch of new Set([...this.handles.values()].map((handle) => handle.batch))) this.heartbeat.track(batch);
    this.heartbeat.start();
  }

  private createHeartbeat(): Heartbeat {
    const { inline, thread } = this.factories;
    if (!thread) return inline(this.pulse, this);
    try {
      return thread(this.pulse, this);
    } catch (error) {
      this.deps.logger.warn('cannot create the heartbeat thread; the heartbeat runs in the main thread', { error });
      return inline(this.pulse, this);
    }
  }

  private toRunning({ task, startedAtMs, deadlineMs }: TrackedTask): RunningTask {
    const { id, type, queue, payload } = task.message;
    const shown = latin1(shownPayload(payload));
    const endsAtMonotonicMs = monotonicMs(this.deps.clock) + deadlineMs - startedAtMs;
    return { key: ++this.lastKey, id, type, queue, payload: shown, startedAtMs, deadlineMs, endsAtMonotonicMs };
  }
}

const latin1 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1');

class RunningLease implements LeaseHandle {
  onLost: (() => void) | undefined;
  isLost = false;

  constructor(
    private readonly task: RunningTask,
    private readonly lease: SharedLease,
    private readonly around: { readonly pulse: Pulse; readonly batch: RunningBatch; readonly clock: Clock },
    private readonly onEnd: () => void,
  ) {}

  get batch(): RunningBatch {
    return this.around.batch;
  }

  claim(): LeaseClaim {
    const { pulse, clock } = this.around;
    return { id: this.task.id, expiriesS: possibleExpiriesS(this.lease, pulse, clock.nowMs()) };
  }

  expiresAtMs(): number {
    const { pulse, clock } = this.around;
    return pulse.isSteady(clock.nowMs()) ? fromS(this.lease.confirmedS) : Infinity;
  }

  end(): void {
    this.lease.end();
    this.onEnd();
  }

  lose(): void {
    if (this.isLost) return;
    this.isLost = true;
    this.onLost?.();
  }
}

/** How long the heartbeat gets, after the process was frozen, to find out which leases are still ours. */
const WAKING_MS = 500;

/** Finds leases that expired because extending failed for too long: the heartbeat may be waiting for Redis. */
class ExpiryCheck extends Loop {
  private isResting = false;

  constructor(
    private readonly handles: ReadonlyMap<number, RunningLease>,
    private readonly pulse: Pulse,
    deps: LoopDeps,
  ) {
    super('lease expiry check', deps);
  }

  /** Runs when the first lease may have expired; a new lease expires later than the present ones. */
  async runOnce(): Promise<number | undefined> {
    const nowMs = this.clock.nowMs();
    if (!this.pulse.isSteady(nowMs)) return WAKING_MS;
    let nextEndMs = Infinity;
    for (const handle of this.handles.values()) {
      if (nowMs >= handle.expiresAtMs()) handle.lose();
      else nextEndMs = Math.min(nextEndMs, handle.expiresAtMs());
    }
    this.isResting = nextEndMs === Infinity;
    return this.isResting ? undefined : nextEndMs - nowMs;
  }

  notice(): void {
    if (this.isResting) this.wake();
  }
}
