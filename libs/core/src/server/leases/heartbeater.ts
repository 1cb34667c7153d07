import type { LeaseOps } from '../../broker/contract/lease.js';
import type { PresenceOps } from '../../broker/contract/presence.js';
import type { CancelOutcome } from '../../wire/cancel-record.js';
import { monotonicMs } from '../../runtime/clock.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import type { ServerInfo, ServerStatus, WorkerInfo } from '../../wire/server-info.js';
import { ceilS } from '../../wire/unix-time.js';
import { type Pulse, type SharedLease, SharedLeases } from './shared-leases.js';

/** Most leases extended by one call. */
const BATCH = 1_000;
/** Shortest life of the presence keys, s: as long as asynq's. */
const SHORTEST_PRESENCE_S = 10;
/** When a lost reply had to be asked for again, those leases were not extended; make up for it soon. */
const CATCH_UP_MS = 1_000;
/** Tasks to collect before those that ended are dropped ahead of the next beat. */
const FIRST_SWEEP_SIZE = 1_000;

/** What does not change about a server while it runs. */
export type ServerIdentity = Omit<ServerInfo, 'status' | 'activeWorkerCount'>;

/** A running task, as the heartbeat knows it. Plain data: it travels to another thread. */
export interface RunningTask {
  /** Tells attempts apart, of the same task too. */
  readonly key: number;
  readonly id: string;
  readonly type: string;
  /** What is shown of its bytes, in Latin-1, a character each: a text travels for half of what bytes cost, and takes no buffer along. */
  readonly payload: string;
  readonly queue: string;
  readonly startedAtMs: number;
  readonly deadlineMs: number;
  /** When its attempt's time is over, by the monotonic clock, which all threads share. */
  readonly endsAtMonotonicMs: number;
}

/** Tasks fetched together; `leases` holds one {@link SharedLease} for each, in the same order. */
export interface RunningBatch {
  readonly leases: SharedArrayBuffer;
  readonly tasks: readonly RunningTask[];
}

/** A running task that somebody wants to be canceled. */
export interface CancelRequest {
  readonly queue: string;
  readonly id: string;
  readonly wish: CancelOutcome;
}

/** What a beat learns. */
export interface BeatListener {
  /** Redis says that these tasks are not ours any more. */
  onLost(keys: readonly number[]): void;
  /** Told again at every beat while the task runs. */
  onWishes(requests: readonly CancelRequest[]): void;
}

/** What beats: a {@link Heartbeater} in this thread, or a stand-in for one in another. */
export interface Heartbeat {
  /** First beat at once. */
  start(): void;
  track(batch: RunningBatch): void;
  setStatus(status: ServerStatus): void;
  /** No more beats; removes the server's presence. */
  stop(): Promise<void>;
}

export interface BeatTimes {
  readonly intervalMs: number;
  readonly leaseMs: number;
}

export interface HeartbeatSettings extends BeatTimes {
  readonly identity: ServerIdentity;
}

/** How late a beat may be on a busy machine; shorter than what is left of any lease when it is due. */
const LATE_MS = 1_000;

/** The longest time between two beats of a process that is awake. */
export const longestPauseMs = ({ intervalMs, leaseMs }: BeatTimes): number =>
  intervalMs + Math.max(intervalMs, Math.min(LATE_MS, leaseMs / 3));

interface Beating {
  readonly task: RunningTask;
  readonly lease: SharedLease;
}

interface Extension {
  readonly queue: string;
  readonly expiresAtS: number;
  readonly beating: Beating[];
}

/**
 * One beat: extends the leases of running tasks and shows the server to inspectors. Runs in the main thread or in one
 * of its own. Only the listener and the shared leases lead back to the main thread.
 */
export class Heartbeater extends Loop implements Heartbeat {
  private readonly running = new Map<number, Beating>();
  private sweepAtSize = FIRST_SWEEP_SIZE;
  private status: ServerStatus = 'active';

  constructor(
    private readonly broker: Pick<LeaseOps, 'extendLeases'> & Pick<PresenceOps, 'writePresence' | 'clearPresence'>,
    private readonly settings: HeartbeatSettings,
    private readonly pulse: Pulse,
    private readonly listener: BeatListener,
    deps: LoopDeps,
  ) {
    super('heartbeat', deps, settings.intervalMs);
  }

  track({ leases, tasks }: RunningBatch): void {
    const shared = new SharedLeases(leases);
    tasks.forEach((task, index) => this.running.set(task.key, { task, lease: shared.lease(index) }));
    if (this.running.size < this.sweepAtSize) return;
    this.dropEnded(); // short tasks: thousands may come and go between two beats
    this.sweepAtSize = Math.max(FIRST_SWEEP_SIZE, 2 * this.running.size);
  }

  setStatus(status: ServerStatus): void {
    this.status = status;
  }

  async runOnce(): Promise<number> {
    const startedAtMonotonicMs = monotonicMs(this.clock);
    const startedAtMs = this.clock.nowMs();
    this.pulse.begin(startedAtMs);
    this.dropEnded();
    const extensions = this.planExtensions();
    const results = await Promise.allSettled([
      ...extensions.map((extension) => this.extend(extension)),
      this.writePresence(),
    ]);
    const { intervalMs, leaseMs } = this.settings;
    const isBehind = extensions.some(({ expiresAtS }) => expiresAtS !== this.pulse.expiresAtS);
    const periodMs = isBehind ? Math.min(intervalMs, CATCH_UP_MS) : intervalMs;
    const failure = results.find((result) => result.status === 'rejected');
    const delayMs = failure ? 0 : Math.max(0, startedAtMonotonicMs + periodMs - monotonicMs(this.clock));
    const nowMs = this.clock.nowMs();
    this.pulse.announce(ceilS(nowMs + delayMs + leaseMs)); // after the replies: nobody may miss the score just written
    // Frozen in the middle of it: what it has learnt is old, and the next one comes at once.
    const tookMs = Math.max(nowMs - startedAtMs, monotonicMs(this.clock) - startedAtMonotonicMs);
    if (tookMs <= longestPauseMs(this.settings)) this.pulse.note(nowMs);
    if (failure) throw failure.reason;
    return delayMs;
  }

  override async stop(): Promise<void> {
    await super.stop();
    try {
      await this.broker.clearPresence(this.settings.identity);
    } catch (error) {
      this.logger.warn('could not remove the presence of the server; it ends by itself', { error });
    }
  }

  private dropEnded(): void {
    for (const [key, { lease }] of this.running) if (lease.hasEnded) this.running.delete(key);
  }

  /** Groups the leases to be extended now by queue and score. */
  private planExtensions(): Extension[] {
    const nowMs = this.clock.nowMs();
    const passedMs = monotonicMs(this.clock);
    const latestS = ceilS(nowMs + this.settings.leaseMs);
    const announcedS = this.announcedS(nowMs);
    const open = new Map<string, Extension>();
    const planned: Extension[] = [];
    for (const beating of this.running.values()) {
      const { task, lease } = beating;
      const expiresAtS = lease.pendingS || announcedS;
      if (passedMs >= task.endsAtMonotonicMs) continue; // over: the recoverer may have it
      const isTooLong = lease.confirmedS > latestS + 1; // the clock was set back
      if (expiresAtS <= lease.confirmedS && !isTooLong) continue; // fetched a moment ago
      const group = `${expiresAtS} ${task.queue}`;
      let extension = open.get(group);
      if (!extension || extension.beating.length === BATCH) {
        extension = { queue: task.queue, expiresAtS, beating: [] };
        open.set(group, extension);
        planned.push(extension);
      }
      extension.beating.push(beating);
    }
    return planned;
  }

  /** The announced score; another one when this beat comes so late that it would be of little use, or the clock was set. */
  private announcedS(nowMs: number): number {
    const { intervalMs, leaseMs } = this.settings;
    const isUseful =
      this.pulse.expiresAtS >= ceilS(nowMs + leaseMs - intervalMs) &&
      this.pulse.expiresAtS <= ceilS(nowMs + leaseMs + intervalMs);
    if (!isUseful) this.pulse.announce(ceilS(nowMs + leaseMs));
    return this.pulse.expiresAtS;
  }

  /**
   * If the reply is lost the scores stay pending: both are named as proof from now on, and the next beat sends the same
   * score again, since the one in Redis must always be among those that the main thread can name.
   */
  private async extend({ queue, expiresAtS, beating }: Extension): Promise<void> {
    const claims = beating.map(({ task, lease }) => {
      const expiriesS = lease.pendingS ? [lease.confirmedS, lease.pendingS] : [lease.confirmedS];
      return { id: task.id, expiriesS };
    });
    for (const { lease } of beating) lease.propose(expiresAtS);
    const { lost, wishes } = await this.broker.extendLeases(queue, claims, expiresAtS);
    const lostIds = new Set(lost);
    const lostKeys: number[] = [];
    for (const { task, lease } of beating) {
      if (!lostIds.has(task.id)) lease.confirm();
      else if (this.running.delete(task.key)) lostKeys.push(task.key);
    }
    if (lostKeys.length > 0) this.listener.onLost(lostKeys);
    if (wishes.length > 0) this.listener.onWishes(wishes.map((wish) => ({ queue, ...wish })));
  }

  private async writePresence(): Promise<void> {
    const { identity, intervalMs } = this.settings;
    const { host, pid, serverId } = identity;
    const workers = [...this.running.values()].map(({ task }): WorkerInfo => {
      const { id, type, queue, startedAtMs, deadlineMs } = task;
      const taskPayload = Buffer.from(task.payload, 'latin1');
      return { host, pid, serverId, taskId: id, taskType: type, taskPayload, queue, startedAtMs, deadlineMs };
    });
    const server = { ...identity, status: this.status, activeWorkerCount: workers.length };
    await this.broker.writePresence(server, workers, Math.max(SHORTEST_PRESENCE_S, ceilS(2 * intervalMs)));
  }
}
