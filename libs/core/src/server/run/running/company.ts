import type { LeaseOps } from '../../../broker/contract/lease.js';
import { type Clock, monotonicMs, type TimerHandle } from '../../../runtime/clock.js';
import type { Logger } from '../../../runtime/logger.js';
import { taskFields } from '../../../task/task-fields.js';
import type { LeaseHandle, TrackedTask } from '../../leases/lease-handle.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import { attemptDeadlineMs } from './attempt-deadline.js';

/** Each crash after the first divides the company of a suspect by this, and multiplies the patience of others. */
const FACTOR = 4;
const FIRST_PATIENCE_MS = 30_000;
const LONGEST_PATIENCE_MS = 24 * 3_600_000;
const NOTE_AGAIN_MS = 5_000;

/**
 * Most tasks that a server may have in hand with one that was in hand at so many crashes, itself included. One crash proves
 * nothing: workers are killed for many reasons, and leases end without a crash, too.
 */
export function mostInHand(crashes: number, concurrency: number): number {
  if (crashes === 0) return Infinity;
  const most = Math.max(1, Math.floor(concurrency / FACTOR ** (crashes - 1)));
  return most === 1 || crashes > 1 ? most : Infinity;
}

/** How long others wait for a suspect to start, and how long after its start. */
export const patienceMs = (crashes: number): number =>
  Math.min(FIRST_PATIENCE_MS * FACTOR ** Math.max(crashes - 2, 0), LONGEST_PATIENCE_MS);

interface CompanyDeps {
  readonly leases: Pick<LeaseOps, 'noteAlone'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The slots, as the company sees them. */
export interface Slots {
  readonly concurrency: number;
  /** Tasks that run, and outcomes that wait to be sent. */
  readonly inHand: number;
  /** Runs a task, which may end at once. */
  begin(tracked: TrackedTask, lease: LeaseHandle): void;
  /** Takes a task that is canceled, and does not run. */
  takeCanceled(tracked: TrackedTask, lease: LeaseHandle): void;
  giveBack(tracked: TrackedTask, lease: LeaseHandle): void;
  /** Tasks may be begun again. */
  onFree(): void;
}

interface Suspect {
  readonly tracked: TrackedTask;
  readonly lease: LeaseHandle;
  readonly crashes: number;
  readonly most: number;
}

interface Held extends Suspect {
  patience: TimerHandle;
  /** Settled when it was noted that the suspect is alone. */
  noted?: Promise<void>;
}

/** A suspect that runs while the company is limited. */
interface Watched extends Suspect {
  readonly isAlone: boolean;
  patience: TimerHandle;
}

/**
 * Keeps suspects, tasks that were in hand at crashes, apart from others, so that a task that kills its worker is found and
 * takes few others along.
 *
 * 1. A suspect starts when no more are in hand than may be with it. Until then it is held, and nothing else starts. When
 *    others have waited for that in vain it starts in whatever company is left, and for some time so do suspects like it:
 *    a server of long tasks spends a fifth of its time on waiting at most.
 * 2. While it runs, nothing starts that would make the company too large. After its patience others may join.
 * 3. When it may have no company at all, it is noted in Redis that it is alone, before it starts, and no longer before others
 *    join: only then is a crash held against it.
 *
 * One suspect is held at a time; the others go back to their queue, as tasks do that came before the limit was known.
 */
export class Company {
  private held: Held | undefined;
  private readonly watched = new Map<TrackedTask, Watched>();
  /** Waiting was in vain: for suspects of so many crashes it is not done again until then, by the monotonic clock. */
  private rest = { crashes: 0, untilMs: -Infinity };
  private isClosed = false;

  constructor(
    private readonly slots: Slots,
    private readonly deps: CompanyDeps,
  ) {}

  /** Most tasks that the server may have in hand now. */
  get limit(): number {
    if (this.held) return 0;
    let limit = Infinity;
    for (const { most } of this.watched.values()) limit = Math.min(limit, most);
    return limit;
  }

  /** Whether a task that was in hand at so many crashes is kept apart from others. */
  isSuspect(crashes: number): boolean {
    return mostInHand(crashes, this.slots.concurrency) < Infinity;
  }

  /** Begins a task, holds it until it can be begun, or gives it back. */
  enter(tracked: TrackedTask, lease: LeaseHandle): void {
    if (this.slots.inHand >= this.limit) return this.slots.giveBack(tracked, lease);
    const { crashes = 0 } = tracked.task;
    const most = mostInHand(crashes, this.slots.concurrency);
    if (most === Infinity || this.isInVain(crashes, most)) this.slots.begin(tracked, lease);
    else this.hold({ tracked, lease, crashes, most });
  }

  /** Fewer tasks may be in hand. */
  step(): void {
    const { held, slots } = this;
    if (!held || held.noted || slots.inHand >= held.most) return;
    if (held.most > 1) return this.begin(held, false);
    this.deps.clock.clearTimer(held.patience);
    held.noted = this.note(held, true).then(
      () => this.begin(held, true),
      (error: unknown) => {
        this.deps.logger.warn('cannot note that a task runs alone', {
          ...taskFields(held.tracked.task.message),
          error,
        });
        this.begin(held, true); // the call may have had its effect
      },
    );
  }

  /** A suspect that waits, and is meant, does not begin: it ends as running ones do. */
  cancel(isMeant: (message: TaskMessage) => boolean): void {
    const { held } = this;
    if (held && isMeant(held.tracked.task.message)) this.begin(held, false, true);
  }

  /** A task that was begun has ended. */
  leave(begun: TrackedTask): void {
    const watched = this.watched.get(begun);
    if (!watched) return;
    this.deps.clock.clearTimer(watched.patience);
    this.watched.delete(begun);
  }

  /** Holds no more tasks: one that was not begun goes back to its queue. */
  async close(): Promise<void> {
    this.isClosed = true;
    const { held } = this;
    if (held?.noted) await held.noted;
    else if (held) this.begin(held, false);
  }

  /** Whether it would be in vain to wait for room. */
  private isInVain(crashes: number, most: number): boolean {
    const { rest, slots, deps } = this;
    return slots.inHand >= most && crashes <= rest.crashes && monotonicMs(deps.clock) < rest.untilMs;
  }

  private hold(suspect: Suspect): void {
    const { lease, crashes, most, tracked } = suspect;
    const text = `a task that was in hand at ${crashes} crash(es) is tried with at most ${most - 1} other(s)`;
    this.deps.logger.info(text, taskFields(tracked.task.message));
    const held: Held = { ...suspect, patience: undefined };
    this.held = held;
    this.step();
    if (this.held !== held) return; // begun
    lease.hold();
    lease.onLost = () => this.begin(held, false);
    if (held.noted) return;
    held.patience = this.deps.clock.setTimer(() => this.noteInVain(held), patienceMs(crashes));
  }

  private noteInVain(held: Held): void {
    const { crashes } = held;
    this.rest = { crashes, untilMs: monotonicMs(this.deps.clock) + FACTOR * patienceMs(crashes) };
    this.begin(held, false);
  }

  private begin(held: Held, isAlone: boolean, isCanceled = false): void {
    if (this.held !== held) return;
    const { clock } = this.deps;
    const { lease, tracked } = held;
    this.held = undefined;
    clock.clearTimer(held.patience);
    lease.onLost = undefined;
    const startedAtMs = clock.nowMs();
    const times = { startedAtMs, deadlineMs: attemptDeadlineMs(tracked.task.message, startedAtMs) };
    const isOurs = lease.begin(times, monotonicMs(clock));
    if (isOurs && isCanceled) this.slots.takeCanceled({ ...tracked, ...times }, lease);
    else if (isOurs && (this.isClosed || lease.isOver())) this.slots.giveBack(tracked, lease);
    else if (isOurs) {
      const hasRoom = this.slots.inHand < held.most;
      const begun = { ...tracked, ...times };
      if (hasRoom) this.watch(begun, { ...held, isAlone, patience: undefined });
      this.slots.begin(begun, lease);
    }
    this.slots.onFree();
  }

  private watch(begun: TrackedTask, watched: Watched, forMs = patienceMs(watched.crashes)): void {
    this.watched.set(begun, watched);
    if (this.slots.concurrency === 1) return; // nobody can join
    watched.patience = this.deps.clock.setTimer(() => void this.endWatch(begun, watched), forMs);
  }

  /** Lets others join. */
  private async endWatch(begun: TrackedTask, watched: Watched): Promise<void> {
    try {
      if (watched.isAlone) await this.note(watched, false);
    } catch (error) {
      const fields = { ...taskFields(watched.tracked.task.message), error };
      this.deps.logger.warn('cannot note that a task runs alone no longer; others wait', fields);
      if (this.watched.has(begun)) this.watch(begun, watched, NOTE_AGAIN_MS);
      return;
    }
    this.watched.delete(begun);
    this.slots.onFree();
  }

  private async note({ tracked, lease }: Suspect, isAlone: boolean): Promise<void> {
    await this.deps.leases.noteAlone(tracked.task.message, lease.claim(), isAlone);
  }
}
