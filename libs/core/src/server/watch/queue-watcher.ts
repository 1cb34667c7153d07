import type { ForwardOps } from '../../broker/contract/forward.js';
import type { QueueWatch, WakeOps } from '../../broker/contract/wake.js';
import { monotonicMs, sleep } from '../../runtime/clock.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import { Subscription } from '../../runtime/subscription.js';
import type { QueueDuty } from './queue-duty.js';
import type { WorkDemand } from './work-demand.js';

/** Maximum silence of a connection before its queue is watched on another. */
const PEEK_MS = 8_000;
/**
 * Short, because a server that becomes standby during the wait keeps waiting for tokens until it ends. Jittered,
 * because all servers may start at once.
 */
const TOKEN_MS = 5_000;
/** How long the leader may take to fetch a task that both have seen. */
export const LEADER_HEAD_START_MS = 100;
/** With a pending task even this short peek returns, whatever the latency to Redis. */
const CONFIRM_MS = 20;
/** A Go peer does not announce that it has unpaused a queue. */
const PAUSE_CHECK_MS = 1_000;

export interface QueueWatcherOptions {
  readonly queue: string;
  /** Called once when it turns out that the broker cannot block: this watcher does nothing more. */
  readonly onCannotBlock: () => void;
}

/**
 * Detects work in a queue on a connection of its own, while the processor wants some. It blocks there by its role:
 *
 * - the leader peeks at the pending list, which wakes it as soon as a task is pushed; where it can, it fetches that task in the same
 *   round trip
 * - the standby peeks too, gives the leader a head start, and steps in if the task is still there
 * - followers wait for tokens, so that one task does not wake the whole fleet
 */
export class QueueWatcher extends Loop {
  private canBlock = true;
  private isPaused = false;
  private watch: QueueWatch | undefined;
  private readonly nudges: Subscription;
  private nextPollAtMs = 0;

  constructor(
    private readonly broker: Pick<WakeOps, 'openWatch' | 'waitingQueues' | 'wakeIdle'> & Pick<ForwardOps, 'onNudge'>,
    private readonly duty: Pick<QueueDuty, 'isLeader' | 'settledRole' | 'settleRole' | 'tryLead'>,
    private readonly demand: WorkDemand,
    private readonly options: QueueWatcherOptions,
    deps: LoopDeps,
  ) {
    super(`watcher of queue "${options.queue}"`, deps);
    const assumeUnpaused = (): void => {
      this.isPaused = false; // if wrong, the next fetch notices
      this.wake();
    };
    this.nudges = new Subscription(deps.clock, () => broker.onNudge(options.queue, assumeUnpaused), assumeUnpaused);
  }

  /** Waits once as the role requires, perhaps for seconds. Sleeps while the processor wants no work of the queue. */
  async runOnce(): Promise<number | undefined> {
    const { queue } = this.options;
    if (!this.canBlock || !this.demand.isWatched(queue)) return undefined;
    const role = this.duty.settledRole ?? (await this.duty.settleRole());
    if (role === 'follower') await this.awaitToken();
    else if (this.isPaused) return this.awaitUnpause();
    else if (this.demand.isPassing(queue))
      return undefined; // a peek would return at once; see ChangeWatcher
    else await this.peek();
    return 0;
  }

  /** A paused queue keeps its pending tasks, so a peek would return at once, again and again: polled instead. */
  pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.nextPollAtMs = monotonicMs(this.clock) + this.jittered(PAUSE_CHECK_MS);
  }

  /** Ends a pending wait and closes the connection. */
  override async stop(): Promise<void> {
    const stopped = super.stop();
    await this.closeWatch();
    await stopped;
    await this.closeWatch(); // opened while the first one closed
    await this.nudges.end();
  }

  private async peek(): Promise<void> {
    const { queue } = this.options;
    const next = this.duty.isLeader() ? this.demand.nextFetch(queue) : undefined;
    const seen = await this.block((watch) => (next && watch.fetchNext?.(PEEK_MS, next)) ?? watch.peek(PEEK_MS));
    if (seen === false) return;
    if (seen !== true) return this.demand.deliver(queue, seen);
    if (!this.duty.isLeader()) {
      // Where time leaps the leader needs none: it has had its turn of the event loop.
      await sleep(this.clock, this.clock.leaps ? 0 : LEADER_HEAD_START_MS, this.stopSignal);
      if (!(await this.block((watch) => watch.peek(CONFIRM_MS)))) return; // the leader took it
    }
    this.demand.signal(queue);
  }

  private async awaitToken(): Promise<void> {
    if (!(await this.block((watch) => watch.awaitToken(this.jittered(TOKEN_MS))))) return;
    // Meant for an idle server, but this one filled up while it waited: pass it on.
    if (!this.demand.hasRoom(this.options.queue)) return this.broker.wakeIdle(this.options.queue, 1);
    this.demand.signal(this.options.queue);
    await this.duty.tryLead();
  }

  /** Polls when a poll is due; the processor wakes this loop more often than that. */
  private async awaitUnpause(): Promise<number> {
    await this.nudges.begin();
    const nowMs = monotonicMs(this.clock);
    if (nowMs < this.nextPollAtMs) return this.nextPollAtMs - nowMs;
    const delayMs = this.jittered(PAUSE_CHECK_MS);
    this.nextPollAtMs = nowMs + delayMs;
    const { queue } = this.options;
    if ((await this.broker.waitingQueues([queue])).length > 0) {
      this.isPaused = false;
      this.demand.signal(queue);
    }
    return delayMs;
  }

  /** Waits on the queue's own connection, opened at first use and reopened after a failure. */
  private async block<T>(wait: (watch: QueueWatch) => Promise<T>): Promise<T | false> {
    const watch = (this.watch ??= await this.openWatch());
    if (!watch || this.stopSignal.aborted) return false;
    try {
      return await wait(watch);
    } catch (error) {
      await this.closeWatch();
      this.watch = await this.openWatch();
      if (this.watch) throw error;
      return false; // it turned out that the broker cannot block
    }
  }

  private async openWatch(): Promise<QueueWatch | undefined> {
    const watch = await this.broker.openWatch(this.options.queue);
    if (!watch) {
      this.canBlock = false;
      this.logger.info(`${this.name} polls: the broker cannot block`);
      this.options.onCannotBlock();
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
