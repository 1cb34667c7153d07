import type { LeaseOps } from '../../broker/contract/lease.js';
import type { PresenceOps } from '../../broker/contract/presence.js';
import type { CancelOutcome } from '../../wire/cancel-record.js';
import { allOf } from '../../runtime/all-of.js';
import { monotonicMs } from '../../runtime/clock.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import type { ServerInfo, ServerStatus } from '../../wire/server-info.js';
import { ceilS, fromS } from '../../wire/unix-time.js';
import { within } from '../../runtime/within.js';
import { BeatPart } from './beat-part.js';
import type { LeaseTable, TableNews, TaskInHand, TaskRef } from './lease-table.js';
import type { Pulse } from './pulse.js';
import { type Describe, ShownTasks } from './shown-tasks.js';

/** Maximum number of leases extended by one call. */
const BATCH = 1_000;
/** Minimum TTL of the presence keys, s: that of asynq. */
const SHORTEST_PRESENCE_S = 10;
/** How long a beat waits for replies before it checks which other parts are due. */
const PATIENCE_MS = 1_000;

/** Constant while a server runs. */
export type ServerIdentity = Omit<ServerInfo, 'status' | 'activeWorkerCount'>;

/** A request to cancel a running task. */
export interface CancelRequest {
  readonly queue: string;
  readonly id: string;
  readonly outcome: CancelOutcome;
}

/** What the heartbeat needs of the main thread. */
export interface BeatListener {
  readonly describe: Describe;
  /** According to Redis these tasks are no longer ours. */
  onLost(tasks: readonly TaskRef[]): void;
  /** Called again at every beat while the task runs. */
  onCancelRequests(requests: readonly CancelRequest[]): void;
}

/** A {@link Heartbeater} in this thread, or a proxy for one in another thread. */
export interface Heartbeat {
  /** The first beat is immediate. */
  start(): void;
  setStatus(status: ServerStatus): void;
  /** No more beats; removes the server's presence. */
  stop(): Promise<void>;
}

/** A heartbeat that must be told what it cannot read from shared memory. */
export interface DistantHeartbeat extends Heartbeat {
  /** Whether it beats; a thread takes a while to start. */
  readonly hasBegun: boolean;
  /** Ends one that has not begun, without waiting for it, and leaves the server's presence to others. */
  abandon(): Promise<void>;
  learn(news: TableNews): void;
  /** There are held tasks again. */
  watchHeld(): void;
}

export interface BeatTimes {
  readonly intervalMs: number;
  readonly leaseMs: number;
}

export interface HeartbeatSettings extends BeatTimes {
  readonly identity: ServerIdentity;
}

/** How late a beat may be on a busy machine; less than the rest of any lease when the beat is due. */
const LATE_MS = 1_000;

/** Maximum time between two beats of a process that is not frozen. */
export const longestPauseMs = ({ intervalMs, leaseMs }: BeatTimes): number =>
  intervalMs + Math.max(intervalMs, Math.min(LATE_MS, leaseMs / 3));

/** Leases of one queue that get the same score; their records are in use. */
interface Extension {
  readonly expiresAtS: number;
  /** By id, by which Redis names those that are lost: a task may be in hand twice, lost and fetched again. */
  readonly tasks: Map<string, TaskInHand>;
}

/**
 * One beat extends the leases of the tasks in hand and publishes the server for inspectors. Runs in the main thread or in
 * one of its own; only the listener and shared memory connect it to the main thread.
 */
export class Heartbeater extends Loop implements Heartbeat {
  private readonly queues = new Map<string, BeatPart>();
  private readonly presence: BeatPart;
  private readonly shown: ShownTasks;
  /** By the monotonic clock. */
  private nextBeatAtMs = Number.NEGATIVE_INFINITY;
  private status: ServerStatus = 'active';

  constructor(
    private readonly broker: Pick<LeaseOps, 'extendLeases'> & Pick<PresenceOps, 'writePresence' | 'clearPresence'>,
    private readonly settings: HeartbeatSettings,
    private readonly shared: { readonly table: LeaseTable; readonly pulse: Pulse },
    private readonly listener: BeatListener,
    deps: LoopDeps,
  ) {
    super('heartbeat', deps, settings.intervalMs);
    this.shown = new ShownTasks(shared.table, (tasks) => listener.describe(tasks), deps.clock);
    this.presence = this.createPart('presence of the server');
  }

  setStatus(status: ServerStatus): void {
    this.status = status;
  }

  /** Beats when a beat is due; otherwise runs the parts that failed and are due again. */
  async runOnce(): Promise<number> {
    const { pulse } = this.shared;
    const startedAtMonotonicMs = monotonicMs(this.clock);
    const startedAtMs = this.clock.nowMs();
    const isLate = !pulse.isBeating(startedAtMs);
    pulse.begin(startedAtMs);
    const isBeat = startedAtMonotonicMs >= this.nextBeatAtMs;
    this.extendLeases(isBeat);
    if (this.presence.joins(isBeat)) this.presence.run(() => this.writePresence());
    if (isBeat) this.planBeat(startedAtMs, startedAtMonotonicMs);
    const parts = [this.presence, ...this.queues.values()];
    const patienceMs = isLate ? this.settings.intervalMs : Math.min(PATIENCE_MS, this.untilNext());
    await within(this.clock, patienceMs, Promise.all(parts.map(({ settled }) => settled)));
    // The process was frozen during the beat: its results are outdated, and the next beat follows at once.
    const nowMs = this.clock.nowMs();
    const tookMs = Math.max(nowMs - startedAtMs, monotonicMs(this.clock) - startedAtMonotonicMs);
    if (tookMs <= longestPauseMs(this.settings)) pulse.note(nowMs);
    return this.untilNext();
  }

  /** No more beats, until it is started again. Another heartbeat publishes the server from now on. */
  async rest(): Promise<void> {
    await super.stop();
    await this.presence.settled; // otherwise it could publish the server again
  }

  override async stop(): Promise<void> {
    await this.rest();
    try {
      await this.broker.clearPresence(this.settings.identity);
    } catch (error) {
      this.logger.warn('could not deregister the server; its entry expires by itself', { error });
    }
  }

  private createPart(name: string): BeatPart {
    const deps = { clock: this.clock, logger: this.logger, random: this.random };
    return new BeatPart(name, deps, this.settings.intervalMs, () => this.wake());
  }

  /**
   * After the extensions of this beat were proposed: a lease without a pending extension gets the announced score next.
   */
  private planBeat(startedAtMs: number, startedAtMonotonicMs: number): void {
    const { intervalMs, leaseMs } = this.settings;
    this.nextBeatAtMs = startedAtMonotonicMs + intervalMs;
    this.shared.pulse.announce(ceilS(startedAtMs + intervalMs + leaseMs));
  }

  /** Time until a part is due that is not running. */
  private untilNext(): number {
    const parts = [this.presence, ...this.queues.values()];
    const nextAtMs = Math.min(this.nextBeatAtMs, ...parts.map(({ dueAtMs }) => dueAtMs));
    return Math.max(0, nextAtMs - monotonicMs(this.clock));
  }

  private extendLeases(isBeat: boolean): void {
    const announcedS = this.announcedS(this.clock.nowMs());
    const tasks = this.shared.table.tasksInHand();
    for (const { queue } of tasks) {
      if (!this.queues.has(queue)) this.queues.set(queue, this.createPart(`heartbeat of "${queue}"`));
    }
    const joining = new Set([...this.queues.keys()].filter((queue) => this.queues.get(queue)!.joins(isBeat)));
    for (const [queue, extensions] of this.planExtensions(tasks, joining, announcedS)) {
      this.queues.get(queue)!.run(async () => {
        await allOf(extensions.map((extension) => this.extend(queue, extension)));
        return extensions.every(({ expiresAtS }) => expiresAtS === announcedS);
      });
    }
  }

  /** Groups the leases to be extended now by queue and score, and seizes their records. */
  private planExtensions(
    tasks: readonly TaskInHand[],
    queues: ReadonlySet<string>,
    announcedS: number,
  ): Map<string, Extension[]> {
    const open = new Map<string, Extension>();
    const planned = new Map<string, Extension[]>();
    for (const task of tasks) {
      const { record, key, queue, id } = task;
      if (!queues.has(queue) || !record.seize(key)) continue;
      if (!this.isDue(task, announcedS)) {
        record.release();
        continue;
      }
      const expiresAtS = record.pendingS || announcedS;
      const group = `${expiresAtS} ${queue}`;
      let extension = open.get(group);
      if (!extension || extension.tasks.size === BATCH || extension.tasks.has(id)) {
        extension = { expiresAtS, tasks: new Map() };
        open.set(group, extension);
        planned.set(queue, [...(planned.get(queue) ?? []), extension]);
      }
      extension.tasks.set(id, task);
    }
    return planned;
  }

  private isDue({ record, endsAtMs }: TaskInHand, announcedS: number): boolean {
    const { leaseMs, intervalMs } = this.settings;
    if (monotonicMs(this.clock) >= endsAtMs) return false; // its time is over: leave it to the recoverer
    const { confirmedS, pendingS } = record;
    const isTooLong = confirmedS > ceilS(this.clock.nowMs() + leaseMs + intervalMs) + 1; // the clock was set back
    return (pendingS || announcedS) > confirmedS || isTooLong; // otherwise it was fetched or extended a moment ago
  }

  /** The announced score; another one if this beat is so late that it would be nearly expired, or the clock was set. */
  private announcedS(nowMs: number): number {
    const { pulse } = this.shared;
    const { intervalMs, leaseMs } = this.settings;
    const isUseful =
      pulse.expiresAtS >= ceilS(nowMs + leaseMs - intervalMs) &&
      pulse.expiresAtS <= ceilS(nowMs + leaseMs + intervalMs);
    if (!isUseful) pulse.announce(ceilS(nowMs + leaseMs));
    return pulse.expiresAtS;
  }

  /**
   * If the reply is lost the scores stay pending: claims then name both, and the next attempt sends the same score
   * again, since the score in Redis must always be one that the main thread can name. The scores of leases that have
   * ended are not pending before the reply: another server may have taken the task, and have written the same score.
   */
  private async extend(queue: string, extension: Extension): Promise<void> {
    const { expiresAtS } = extension;
    const tasks = [...extension.tasks.values()];
    const claims = tasks.map(({ id, record }) => ({ id, expiriesS: record.scoresS }));
    const nowMs = this.clock.nowMs();
    for (const { record } of tasks) if (nowMs < fromS(record.confirmedS)) record.propose(expiresAtS);
    try {
      const { lost, cancelRequests } = await this.broker.extendLeases(queue, claims, expiresAtS);
      this.noteExtended(tasks, expiresAtS, new Set(lost));
      if (cancelRequests.length > 0)
        this.listener.onCancelRequests(cancelRequests.map((request) => ({ queue, ...request })));
    } finally {
      for (const { record } of tasks) record.release();
    }
  }

  private noteExtended(tasks: readonly TaskInHand[], expiresAtS: number, lostIds: ReadonlySet<string>): void {
    const lost: TaskRef[] = [];
    for (const { id, record, slot, key } of tasks) {
      if (!lostIds.has(id)) record.confirm(expiresAtS);
      else if (record.lose()) lost.push({ slot, key });
    }
    if (lost.length > 0) this.listener.onLost(lost);
  }

  private async writePresence(): Promise<true> {
    const { identity, intervalMs } = this.settings;
    const { host, pid, serverId } = identity;
    const { running, tasks } = await this.shown.read();
    const workers = tasks.map(({ id, type, payload, queue, startedAtMs, deadlineMs }) => {
      const taskPayload = Buffer.from(payload, 'latin1');
      return { host, pid, serverId, taskId: id, taskType: type, taskPayload, queue, startedAtMs, deadlineMs };
    });
    const server = { ...identity, status: this.status, activeWorkerCount: running };
    await this.broker.writePresence(server, workers, Math.max(SHORTEST_PRESENCE_S, ceilS(2 * intervalMs)));
    return true;
  }
}
