import type { ForwardOps } from '../../broker/contract/forward.js';
import type { QueueWatch, WakeOps } from '../../broker/contract/wake.js';
import { monotonicMs, sleep } from '../../runtime/clock.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import type { QueueDuty } from './queue-duty.js';
import type { WorkDemand } from './work-demand.js';

/** Longest silence of a connection before its queue is watched on another. */
const PEEK_MS = 8_000;
/** Short, because a server that becomes standby meanwhile waits for tokens until then. Jittered: a fleet starts at once. */
const TOKEN_MS = 5_000;
/** Longest time that the leader needs to take a task that both saw. */
const LEADER_HEAD_START_MS = 100;
/** With a pending task a peek is answered at once, even this short one, at any distance from Redis. */
const CONFIRM_MS = 20;
/** A Go peer does not announce that it has unpaused a queue. */
const PAUSE_CHECK_MS = 1_000;
/** Under load every fetch leaves tasks behind; one batch of tokens in this time wakes all sleeping servers. */
const TOKENS_PAUSE_MS = 200;

export interface QueueWatcherOptions {
  readonly queue: string;
  /** Whether it may hold a blocking connection of its own; otherwise it polls. */
  readonly canBlock: boolean;
  /** Time between two polls; jittered by half. */
  readonly pollIntervalMs: number;
}

/**
 * Finds out when a queue has work, while the processor wants some of it. In blocking form a server waits by its role:
 *
 * - the leader peeks at the pending list, which wakes it as soon as a task is pushed
 * - the standby peeks too, gives the leader a head start, and steps in if the task is still there
 * - followers wait for tokens, so that one task does not wake the whole fleet
 */
export class QueueWatcher extends Loop {
  private canBlock: boolean;
  private isPaused = false;
  private watch: QueueWatch | undefined;
  private endNudges: (() => Promise<void>) | undefined;
  private nextPollAtMs = 0;
  private noTokensUntilMs = 0;

  constructor(
    private readonly broker: Pick<WakeOps, 'openWatch' | 'waitingCount' | 'wakeIdle'> & Pick<ForwardOps, 'onNudge'>,
    private readonly duty: Pick<QueueDuty, 'isLeader' | 'settleRole' | 'tryLead'>,
    private readonly demand: WorkDemand,
    private readonly options: QueueWatcherOptions,
    deps: LoopDeps,
  ) {
    super(`watcher of queue "${options.queue}"`, deps);
    this.canBlock = options.canBlock;
  }

  /** Waits once as the role requires, for seconds perhaps. Sleeps while the processor wants no work of the queue. */
  async runOnce(): Promise<number | undefined> {
    if (!this.demand.isWatched(this.options.queue)) return undefined;
    if (!this.canBlock) return this.poll(this.options.pollIntervalMs);
    const role = await this.duty.settleRole();
    if (role === 'follower') await this.awaitToken();
    else if (this.isPaused) return this.awaitUnpause();
    else await this.peek();
    return 0;
  }

  /** A paused queue keeps its pending tasks, so a peek would answer at once, again and again: polled instead. */
  pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.nextPollAtMs = monotonicMs(this.clock) + this.jittered(PAUSE_CHECK_MS);
  }

  /** Wakes as many idle servers as there are tasks left. */
  async wakeOthers(remaining: number): Promise<void> {
    const nowMs = monotonicMs(this.clock);
    if (remaining <= 0 || nowMs < this.noTokensUntilMs) return;
    this.noTokensUntilMs = nowMs + TOKENS_PAUSE_MS;
    try {
      await this.broker.wakeIdle(this.options.queue, remaining);
    } catch (error) {
      // The standby sees the tasks by itself, and the next fetch that leaves some behind tries again.
      this.logger.debug(`${this.name} could not wake other servers`, { error });
    }
  }

  /** Ends a wait under way, and the connection. */
  override async stop(): Promise<void> {
    const stopped = super.stop();
    await this.closeWatch();
    await stopped;
    await this.closeWatch(); // opened while the first one closed
    await this.endNudges?.();
    this.endNudges = undefined;
  }

  private async peek(): Promise<void> {
    if (!(await this.block((watch) => watch.peek(PEEK_MS)))) return;
    if (!this.duty.isLeader()) {
      await sleep(this.clock, LEADER_HEAD_START_MS, this.stopSignal);
      if (!(await this.block((watch) => watch.peek(CONFIRM_MS)))) return; // the leader took it
    }
    this.demand.signal(this.options.queue);
  }

  private async awaitToken(): Promise<void> {
    if (!(await this.block((watch) => watch.awaitToken(this.jittered(TOKEN_MS))))) return;
    // Meant for an idle server, but this one filled up while it waited: pass it on.
    if (!this.demand.hasFreeSlots) return this.broker.wakeIdle(this.options.queue, 1);
    this.demand.signal(this.options.queue);
    await this.duty.tryLead();
  }

  private async awaitUnpause(): Promise<number> {
    this.endNudges ??= await this.broker.onNudge(this.options.queue, () => {
      this.isPaused = false; // assumed: if wrong, the next fetch notices
      this.wake();
    });
    return this.poll(PAUSE_CHECK_MS);
  }

  /** Polls when a poll is due; the processor wakes this loop more often than that. */
  private async poll(everyMs: number): Promise<number> {
    const nowMs = monotonicMs(this.clock);
    if (nowMs < this.nextPollAtMs) return this.nextPollAtMs - nowMs;
    const delayMs = this.jittered(everyMs);
    this.nextPollAtMs = nowMs + delayMs;
    if ((await this.broker.waitingCount(this.options.queue)) > 0) {
      this.isPaused = false;
      this.demand.signal(this.options.queue);
    }
    return delayMs;
  }

  /** Waits on the queue's own connection, opened when first needed and anew after a failure. */
  private async block(wait: (watch: QueueWatch) => Promise<boolean>): Promise<boolean> {
    const watch = (this.watch ??= await this.openWatch());
    if (!watch || this.stopSignal.aborted) return false;
    try {
      return await wait(watch);
    } catch (error) {
      await this.closeWatch();
      this.watch = await this.openWatch();
      if (this.watch) throw error;
      return false; // the broker turned out to be unable to block
    }
  }

  private async openWatch(): Promise<QueueWatch | undefined> {
    const watch = await this.broker.openWatch(this.options.queue);
    if (!watch) {
      this.canBlock = false;
      this.logger.info(`${this.name} polls: the broker cannot block`);
    }
    return watch;
  }

  private async closeWatch(): Promise<void> {
    const watch = this.watch;
    this.watch = undefined;
    await watch?.close();
  }

  private jittered(delayMs: number): number {
    return delayMs * (0.5 + this.random());
  }
}
