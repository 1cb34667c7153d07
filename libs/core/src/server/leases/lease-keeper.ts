import type { LeaseClaim } from '../../broker/roles.js';
import type { Clock } from '../../runtime/clock.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import type { ServerStatus } from '../../wire/server-info.js';
import { ceilS, fromS } from '../../wire/unix-time.js';
import {
  type BeatListener,
  type CancelRequest,
  type Heartbeat,
  LONGEST_SHOWN_PAYLOAD_BYTES,
  type RunningBatch,
  type RunningTask,
} from './heartbeater.js';
import type { LeaseHandle, TrackedTask } from './lease-handle.js';
import { NextExpiry, possibleExpiriesS, type SharedLease, SharedLeases } from './shared-leases.js';

/** What the keeper hears from its heartbeat. */
export interface HeartbeatListener extends BeatListener {
  /** The heartbeat ended, though nobody stopped it. */
  onDeath(error: Error): void;
}

export interface HeartbeatFactories {
  /** In this thread. */
  readonly inline: (next: NextExpiry, listener: HeartbeatListener) => Heartbeat;
  /** In another thread; absent where that is impossible. When it dies the inline one takes over. */
  readonly thread?: ((next: NextExpiry, listener: HeartbeatListener) => Heartbeat) | undefined;
}

/**
 * Keeps the leases of running tasks alive and shows the server to inspectors, once per `heartbeatInterval`: the main
 * thread's side of the heartbeat. A running task has a handle over its lease in shared memory. The heartbeat itself runs in
 * this thread, or in one of its own that a busy event loop cannot stop.
 */
export class LeaseKeeper implements HeartbeatListener {
  private readonly next = new NextExpiry();
  private readonly handles = new Map<number, RunningLease>();
  private readonly expiryCheck: ExpiryCheck;
  private heartbeat: Heartbeat;
  private status: ServerStatus = 'active';
  private lastKey = 0;
  private isStopped = false;

  constructor(
    private readonly factories: HeartbeatFactories,
    leaseMs: number,
    private readonly onCancel: (request: CancelRequest) => void,
    private readonly deps: LoopDeps,
  ) {
    this.next.announce(ceilS(deps.clock.nowMs() + leaseMs));
    this.heartbeat = this.createHeartbeat();
    this.expiryCheck = new ExpiryCheck(this.handles, deps);
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
        { next: this.next, batch, clock: this.deps.clock },
        end,
      );
      this.handles.set(task.key, handle);
      return handle;
    });
  }

  /** Shown to inspectors from the next beat on. */
  setStatus(status: ServerStatus): void {
    this.status = status;
    this.heartbeat.setStatus(status);
  }

  /** Last of all parts: removes the server's presence. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.expiryCheck.stop();
    await this.heartbeat.stop();
  }

  onLost(keys: readonly number[]): void {
    for (const key of keys) this.handles.get(key)?.lose();
  }

  onWishes(requests: readonly CancelRequest[]): void {
    for (const request of requests) this.onCancel(request);
  }

  onDeath(error: Error): void {
    if (this.isStopped) return;
    this.deps.logger.warn('the heartbeat thread died; going on in the main thread', { error });
    this.heartbeat = this.factories.inline(this.next, this);
    this.heartbeat.setStatus(this.status);
    for (const batch of new Set([...this.handles.values()].map((handle) => handle.batch))) this.heartbeat.track(batch);
    this.heartbeat.start();
  }

  private createHeartbeat(): Heartbeat {
    const { inline, thread } = this.factories;
    if (!thread) return inline(this.next, this);
    try {
      return thread(this.next, this);
    } catch (error) {
      this.deps.logger.warn('cannot create the heartbeat thread; beating in the main thread', { error });
      return inline(this.next, this);
    }
  }

  private toRunning({ task, startedAtMs, deadlineMs }: TrackedTask): RunningTask {
    const { id, type, queue, payload } = task.message;
    const shown = payload.length > LONGEST_SHOWN_PAYLOAD_BYTES ? '' : latin1(payload);
    return { key: ++this.lastKey, id, type, queue, payload: shown, startedAtMs, deadlineMs };
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
    private readonly around: { readonly next: NextExpiry; readonly batch: RunningBatch; readonly clock: Clock },
    private readonly onEnd: () => void,
  ) {}

  get batch(): RunningBatch {
    return this.around.batch;
  }

  claim(): LeaseClaim {
    const { next, clock } = this.around;
    return { id: this.task.id, expiriesS: possibleExpiriesS(this.lease, next, clock.nowMs()) };
  }

  expiresAtMs(): number {
    return fromS(this.lease.confirmedS);
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

/** Finds leases that ran out because extending failed for too long: the heartbeat may be waiting for Redis. */
class ExpiryCheck extends Loop {
  private isResting = false;

  constructor(
    private readonly handles: ReadonlyMap<number, RunningLease>,
    deps: LoopDeps,
  ) {
    super('lease expiry check', deps);
  }

  /** Looks when the lease that ends first may have ended; a new lease ends after those that are there. */
  async runOnce(): Promise<number | undefined> {
    const nowMs = this.clock.nowMs();
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
