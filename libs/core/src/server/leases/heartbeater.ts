import type { LeaseOps } from '../../broker/contract/lease.js';
import type { PresenceOps } from '../../broker/contract/presence.js';
import type { CancelOutcome } from '../../wire/cancel-record.js';
import { allOf } from '../../runtime/all-of.js';
import { monotonicMs } from '../../runtime/clock.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import type { ServerInfo, ServerStatus, WorkerInfo } from '../../wire/server-info.js';
import { ceilS } from '../../wire/unix-time.js';
import { within } from '../../runtime/within.js';
import { BeatPart } from './beat-part.js';
import { type Pulse, type SharedLease, SharedLeases } from './shared-leases.js';

/** Most leases extended by one call. */
const BATCH = 1_000;
/** Shortest TTL of the presence keys, s: that of asynq. */
const SHORTEST_PRESENCE_S = 10;
/** How long a beat waits for replies before it looks at what else is due. */
const PATIENCE_MS = 1_000;
/** Tasks to collect before those that ended are dropped ahead of the next beat. */
const FIRST_SWEEP_SIZE = 1_000;

/** What stays the same while a server runs. */
export type ServerIdentity = Omit<ServerInfo, 'status' | 'activeWorkerCount'>;

/** A running task, as the heartbeat knows it. Plain data: it travels to another thread. */
export interface RunningTask {
  /** Unique per attempt. */
  readonly key: number;
  readonly id: string;
  readonly type: string;
  /** What is shown of its bytes, in Latin-1, a character each: a text travels for half of what bytes cost, and takes no buffer along. */
  readonly payload: string;
  readonly queue: string;
  readonly startedAtMs: number;
  readonly deadlineMs: number;
  /** When its attempt must end, by the monotonic clock, which all threads share. */
  readonly endsAtMonotonicMs: number;
}

/** Tasks fetched together; `leases` holds one {@link SharedLease} for each, in the same order. */
export interface RunningBatch {
  readonly leases: SharedArrayBuffer;
  readonly tasks: readonly RunningTask[];
}

/** A request to cancel a running task. */
export interface CancelRequest {
  readonly queue: string;
  readonly id: string;
  readonly outcome: CancelOutcome;
}

/** Receives the results of a beat. */
export interface BeatListener {
  /** Redis says that these tasks are not ours any more. */
  onLost(keys: readonly number[]): void;
  /** Called again at every beat while the task runs. */
  onCancelRequests(requests: readonly CancelRequest[]): void;
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

/** How late a beat may be on a busy machine; less than what is left of any lease when the beat is due. */
const LATE_MS = 1_000;

/** The longest time between two beats of a process that is awake. */
export const longestPauseMs = ({ intervalMs, leaseMs }: BeatTimes): number =>
  intervalMs + Math.max(intervalMs, Math.min(LATE_MS, leaseMs / 3));

interface Beating {
  readonly task: RunningTask;
  readonly lease: SharedLease;
}

/** Leases of one queue that get one score. */
interface Extension {
  readonly expiresAtS: number;
  readonly beating: Beating[];
}

/**
 * One beat: extends the leases of running tasks and shows the server to inspectors. Runs in the main thread or in one
 * of its own. Only the listener and the shared leases lead back to the main thread.
 */
export class Heartbeater extends Loop implements Heartbeat {
  private readonly running = new Map<number, Beating>();
  private readonly queues = new Map<string, BeatPart>();
  private readonly presence: BeatPart;
  /** By the monotonic clock. */
  private nextBeatAtMs = Number.NEGATIVE_INFINITY;
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
    this.presence = this.createPart('presence of the server');
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

  /** A beat when it is time for one, or what failed and is due again. */
  async runOnce(): Promise<number> {
    const startedAtMonotonicMs = monotonicMs(this.clock);
    const startedAtMs = this.clock.nowMs();
    const isLate = !this.pulse.isBeating(startedAtMs);
    this.pulse.begin(startedAtMs);
    this.dropEnded();
    const isBeat = startedAtMonotonicMs >= this.nextBeatAtMs;
    this.extendLeases(isBeat);
    if (this.presence.joins(isBeat)) this.presence.run(() => this.writePresence());
    if (isBeat) this.planBeat(startedAtMs, startedAtMonotonicMs);
    const parts = [this.presence, ...this.queues.values()];
    const patienceMs = isLate ? this.settings.intervalMs : Math.min(PATIENCE_MS, this.untilNext());
    await within(this.clock, patienceMs, Promise.all(parts.map(({ settled }) => settled)));
    // Frozen in the middle of it: what it has learnt is old, and the next one comes at once.
    const nowMs = this.clock.nowMs();
    const tookMs = Math.max(nowMs - startedAtMs, monotonicMs(this.clock) - startedAtMonotonicMs);
    if (tookMs <= longestPauseMs(this.settings)) this.pulse.note(nowMs);
    return this.untilNext();
  }

  override async stop(): Promise<void> {
    await super.stop();
    await this.presence.settled; // else it could show the server again
    try {
      await this.broker.clearPresence(this.settings.identity);
    } catch (error) {
      this.logger.warn('could not remove the presence of the server; it expires by itself', { error });
    }
  }

  private createPart(name: string): BeatPart {
    const deps = { clock: this.clock, logger: this.logger, random: this.random };
    return new BeatPart(name, deps, this.settings.intervalMs, () => this.wake());
  }

  /** After the extensions of this one were proposed: a lease that has none under way gets the announced score next. */
  private planBeat(startedAtMs: number, startedAtMonotonicMs: number): void {
    const { intervalMs, leaseMs } = this.settings;
    this.nextBeatAtMs = startedAtMonotonicMs + intervalMs;
    this.pulse.announce(ceilS(startedAtMs + intervalMs + leaseMs));
  }

  /** Until something is due that is not under way. */
  private untilNext(): number {
    const parts = [this.presence, ...this.queues.values()];
    const nextAtMs = Math.min(this.nextBeatAtMs, ...parts.map(({ dueAtMs }) => dueAtMs));
    return Math.max(0, nextAtMs - monotonicMs(this.clock));
  }

  private dropEnded(): void {
    for (const [key, { lease }] of this.running) if (lease.hasEnded) this.running.delete(key);
  }

  private extendLeases(isBeat: boolean): void {
    const announcedS = this.announcedS(this.clock.nowMs());
    for (const { task } of this.running.values()) {
      if (!this.queues.has(task.queue)) this.queues.set(task.queue, this.createPart(`heartbeat of "${task.queue}"`));
    }
    const joining = new Set([...this.queues.keys()].filter((queue) => this.queues.get(queue)!.joins(isBeat)));
    for (const [queue, extensions] of this.planExtensions(joining, announcedS)) {
      this.queues.get(queue)!.run(async () => {
        await allOf(extensions.map((extension) => this.extend(queue, extension)));
        return extensions.every(({ expiresAtS }) => expiresAtS === announcedS);
      });
    }
  }

  /** Groups the leases to be extended now by queue and score. */
  private planExtensions(queues: ReadonlySet<string>, announcedS: number): Map<string, Extension[]> {
    const nowMonotonicMs = monotonicMs(this.clock);
    const latestS = ceilS(this.clock.nowMs() + this.settings.leaseMs + this.settings.intervalMs);
    const open = new Map<string, Extension>();
    const planned = new Map<string, Extension[]>();
    for (const beating of this.running.values()) {
      const { task, lease } = beating;
      if (!queues.has(task.queue)) continue;
      const expiresAtS = lease.pendingS || announcedS;
      if (nowMonotonicMs >= task.endsAtMonotonicMs) continue; // over: the recoverer may have it
      const isTooLong = lease.confirmedS > latestS + 1; // the clock was set back
      if (expiresAtS <= lease.confirmedS && !isTooLong) continue; // fetched or extended a moment ago
      const group = `${expiresAtS} ${task.queue}`;
      let extension = open.get(group);
      if (!extension || extension.beating.length === BATCH) {
        extension = { expiresAtS, beating: [] };
        open.set(group, extension);
        planned.set(task.queue, [...(planned.get(task.queue) ?? []), extension]);
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
   * If the reply is lost the scores stay pending: both are named as proof from now on, and the next try sends the same
   * score again, since the one in Redis must always be among those that the main thread can name.
   */
  private async extend(queue: string, { expiresAtS, beating }: Extension): Promise<void> {
    const claims = beating.map(({ task, lease }) => {
      const expiriesS = lease.pendingS ? [lease.confirmedS, lease.pendingS] : [lease.confirmedS];
      return { id: task.id, expiriesS };
    });
    for (const { lease } of beating) lease.propose(expiresAtS);
    const { lost, cancelRequests } = await this.broker.extendLeases(queue, claims, expiresAtS);
    const lostIds = new Set(lost);
    const lostKeys: number[] = [];
    for (const { task, lease } of beating) {
      if (!lostIds.has(task.id)) lease.confirm();
      else if (this.running.delete(task.key)) lostKeys.push(task.key);
    }
    if (lostKeys.length > 0) this.listener.onLost(lostKeys);
    if (cancelRequests.length > 0)
      this.listener.onCancelRequests(cancelRequests.map((request) => ({ queue, ...request })));
  }

  private async writePresence(): Promise<true> {
    const { identity, intervalMs } = this.settings;
    const { host, pid, serverId } = identity;
    const workers = [...this.running.values()].map(({ task }): WorkerInfo => {
      const { id, type, queue, startedAtMs, deadlineMs } = task;
      const taskPayload = Buffer.from(task.payload, 'latin1');
      return { host, pid, serverId, taskId: id, taskType: type, taskPayload, queue, startedAtMs, deadlineMs };
    });
    const server = { ...identity, status: this.status, activeWorkerCount: workers.length };
    await this.broker.writePresence(server, workers, Math.max(SHORTEST_PRESENCE_S, ceilS(2 * intervalMs)));
    return true;
  }
}
