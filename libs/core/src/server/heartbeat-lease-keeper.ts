import type { LeaseClaim } from '../broker/roles.js';
import type { Clock } from '../runtime/clock.js';
import { Loop, type LoopDeps } from '../runtime/loop.js';
import type { ServerStatus } from '../wire/server-info.js';
import { ceilS, fromS } from '../wire/unix-time.js';
import {
  type BeatListener,
  type CancelRequest,
  type Heart,
  LONGEST_SHOWN_PAYLOAD_BYTES,
  type RunningBatch,
  type RunningTask,
} from './heartbeater.js';
import type { LeaseHandle, LeaseKeeper, TrackedTask } from './lease-keeper.js';
import { NextExpiry, possibleExpiriesS, type SharedLease, SharedLeases } from './shared-leases.js';

/** What a heart tells its keeper. */
export interface HeartListener extends BeatListener {
  /** The heart beats no more, though nobody stopped it. */
  onDeath(error: Error): void;
}

export interface Hearts {
  /** Beats in this thread. */
  readonly inline: (next: NextExpiry, listener: HeartListener) => Heart;
  /** Beats in another thread; absent where that cannot be. When it dies the inline one takes over. */
  readonly thread?: ((next: NextExpiry, listener: HeartListener) => Heart) | undefined;
}

/** The main thread's side of the heartbeat: handles of running tasks over leases in shared memory. */
export class HeartbeatLeaseKeeper implements LeaseKeeper, HeartListener {
  private readonly next = new NextExpiry();
  private readonly handles = new Map<number, RunningLease>();
  private readonly expiryCheck: ExpiryCheck;
  private heart: Heart;
  private status: ServerStatus = 'active';
  private lastKey = 0;
  private isStopped = false;

  constructor(
    private readonly hearts: Hearts,
    leaseMs: number,
    private readonly onCancel: (request: CancelRequest) => void,
    private readonly deps: LoopDeps,
  ) {
    this.next.announce(ceilS(deps.clock.nowMs() + leaseMs));
    this.heart = this.createHeart();
    this.expiryCheck = new ExpiryCheck(this.handles, deps);
  }

  async start(): Promise<void> {
    this.heart.start();
    this.expiryCheck.start();
  }

  track(tasks: readonly TrackedTask[]): LeaseHandle[] {
    const leases = SharedLeases.of(tasks.map(({ task }) => task.leaseExpiresAtS));
    const batch = { leases: leases.buffer, tasks: tasks.map((tracked) => this.toRunning(tracked)) };
    this.heart.track(batch);
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

  setStatus(status: ServerStatus): void {
    this.status = status;
    this.heart.setStatus(status);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.expiryCheck.stop();
    await this.heart.stop();
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
    this.heart = this.hearts.inline(this.next, this);
    this.heart.setStatus(this.status);
    for (const batch of new Set([...this.handles.values()].map((handle) => handle.batch))) this.heart.track(batch);
    this.heart.start();
  }

  private createHeart(): Heart {
    const { inline, thread } = this.hearts;
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

/** Finds leases that ran out because extending failed for too long: the heart may be waiting for Redis. */
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
