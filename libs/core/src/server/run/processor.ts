import type { LeasedTask, LeaseOps } from '../../broker/roles.js';
import { Backoff } from '../../runtime/backoff.js';
import { type Clock, sleep } from '../../runtime/clock.js';
import { LogLimit } from '../../runtime/log-limit.js';
import type { Logger } from '../../runtime/logger.js';
import { attemptDeadlineMs } from './attempt-deadline.js';
import type { LeaseKeeper } from '../leases/lease-keeper.js';
import type { QueueWeights } from './queue-weights.js';
import type { WorkerPool } from './worker-pool.js';
import type { WorkSignal } from '../watch/work-watcher.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** How often the other queues are looked at while one rests. A signal cannot tell which queue it is for. */
const CHECK_WHILE_RESTING_MS = 500;
/** First chance of other servers at a queue in which tasks turn up whose type is unknown here. */
const STAND_BACK_MS = 250;
/** A failure that goes on is logged once in this time. */
const LOG_EVERY_MS = 30_000;

export interface ProcessorDeps {
  readonly workers: WorkerPool;
  readonly leaseKeeper: Pick<LeaseKeeper, 'track'>;
  readonly workSignal: WorkSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What one round of fetches learnt. */
interface Round {
  /** Gave less than it was asked for, so nothing more is there now. */
  readonly drained: Set<string>;
  /** Filled its request and has so many left. */
  readonly remaining: Map<string, number>;
}

/**
 * Keeps the slots full:
 *
 * 1. Waits for a free slot.
 * 2. Fetches as many tasks as there are free slots: each slot draws a queue by weight, and what stays empty is offered
 *    to the other queues. One round of fetches is under way while handlers run.
 * 3. When every queue is empty, waits for the work signal; it does not poll.
 *
 * Two things make a queue rest while the others are served. It fails: for a growing pause. Or a signal comes while it
 * may be for a task whose type nobody here knows: then another server is woken and has a moment to take it, or the one
 * that leads would fetch it again and again.
 */
export class Processor {
  /** Queues that fail. */
  private readonly backoffs = new Map<string, Backoff>();
  /** Queue to when it may be fetched from again, unix ms. */
  private readonly restsUntilMs = new Map<string, number>();
  private readonly stopping = new AbortController();
  private readonly logLimit: LogLimit;
  private isWoken = true;
  private loop: Promise<void> = Promise.resolve();

  constructor(
    private readonly broker: Pick<LeaseOps, 'fetch'>,
    private readonly weights: QueueWeights,
    private readonly leaseMs: number,
    private readonly deps: ProcessorDeps,
  ) {
    this.logLimit = new LogLimit(deps.clock, LOG_EVERY_MS);
  }

  start(): void {
    this.loop = this.run(this.stopping.signal);
  }

  /** Fetches no more. Waits for the fetches under way; their tasks still run. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.awaitSlot(signal);
      if (signal.aborted) break;
      const isDrained = await this.fillSlots();
      if (isDrained) await this.awaitWork(signal);
    }
    this.deps.workSignal.setFree(false); // who takes no tasks must not lead others to none
  }

  private async awaitSlot(signal: AbortSignal): Promise<void> {
    const { workers, workSignal } = this.deps;
    if (workers.free > 0) return;
    workSignal.setFree(false);
    await workers.whenFree(signal);
    workSignal.setFree(true);
  }

  /** Returns whether there is nothing to fetch: every queue that works is empty. */
  private async fillSlots(): Promise<boolean> {
    const startedAtMs = this.deps.clock.nowMs();
    const isServed = (queue: string): boolean => startedAtMs >= (this.restsUntilMs.get(queue) ?? 0);
    const round: Round = { drained: new Set(), remaining: new Map() };
    const slots = this.deps.workers.free;
    const shares = this.weights.share(slots, isServed);
    const counts = await Promise.all([...shares].map(([queue, share]) => this.fetch(queue, share, round)));
    // Only what the draw left empty: slots that became free meanwhile take part in the next draw.
    let leftOver = counts.reduce((left, count) => left - count, slots);
    for (const queue of this.weights.order()) {
      if (leftOver <= 0 || this.stopping.signal.aborted) break;
      if (isServed(queue) && !round.drained.has(queue)) leftOver -= await this.fetch(queue, leftOver, round);
    }
    this.reportRemaining(round);
    return leftOver > 0;
  }

  /** Returns how many tasks there were. Never rejects. */
  private async fetch(queue: string, limit: number, round: Round): Promise<number> {
    try {
      const { tasks, isPaused, remaining } = await this.broker.fetch(queue, limit, this.leaseMs);
      this.backoffs.delete(queue);
      if (tasks.length < limit) round.drained.add(queue);
      round.remaining.set(queue, remaining);
      if (isPaused) this.deps.workSignal.reportPaused(queue);
      this.launch(tasks);
      return tasks.length;
    } catch (error) {
      round.drained.add(queue);
      this.noteTrouble(queue, error);
      return 0;
    }
  }

  private launch(tasks: readonly LeasedTask[]): void {
    if (tasks.length === 0) return;
    const startedAtMs = this.deps.clock.nowMs();
    const tracked = tasks.map((task) => {
      return { task, startedAtMs, deadlineMs: attemptDeadlineMs(task.message, startedAtMs) };
    });
    const leases = this.deps.leaseKeeper.track(tracked);
    tracked.forEach((task, index) => this.deps.workers.run(task, leases[index]!));
  }

  /** Idle servers are woken once per wake-up: later rounds of a busy server tell nothing new. */
  private reportRemaining({ remaining }: Round): void {
    if (!this.isWoken) return;
    this.isWoken = false;
    for (const [queue, count] of remaining) if (count > 0) this.deps.workSignal.reportRemaining(queue, count);
  }

  private noteTrouble(queue: string, error: unknown): void {
    const backoff = this.backoffs.get(queue) ?? new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    this.backoffs.set(queue, backoff);
    const pauseMs = backoff.nextMs();
    this.restsUntilMs.set(queue, this.deps.clock.nowMs() + pauseMs);
    if (!this.logLimit.allows(queue)) return;
    this.deps.logger.warn(`cannot fetch tasks; next try in ${Math.round(pauseMs)} ms`, { queue, error });
  }

  private async awaitWork(signal: AbortSignal): Promise<void> {
    const pauseMs = this.restMs();
    if (pauseMs !== undefined) return sleep(this.deps.clock, pauseMs, signal);
    await this.deps.workSignal.waitForWork(signal);
    this.isWoken = true;
    this.standBack();
  }

  /** How long to sleep while queues rest; `undefined` when none does. */
  private restMs(): number | undefined {
    const nowMs = this.deps.clock.nowMs();
    const resting = [...this.restsUntilMs.values()].filter((untilMs) => untilMs > nowMs);
    if (resting.length === 0) return undefined;
    const shortestMs = Math.min(...resting) - nowMs;
    return resting.length === this.weights.queues.length ? shortestMs : Math.min(shortestMs, CHECK_WHILE_RESTING_MS);
  }

  private standBack(): void {
    for (const queue of this.weights.queues) {
      if (!this.deps.workers.expectsUnknownTypes(queue)) continue;
      this.restsUntilMs.set(queue, this.deps.clock.nowMs() + STAND_BACK_MS);
      this.deps.workSignal.reportRemaining(queue, 1);
    }
  }
}
