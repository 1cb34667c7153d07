import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { QueueOps } from '../broker/contract/queues.js';
import type { Clock } from '../runtime/clock.js';
import type { Duration } from '../runtime/duration.js';
import { OptionReader } from '../runtime/option-reader.js';
import { resultWithin } from '../runtime/within.js';
import type { RunningLeases } from './leases/running-leases.js';
import type { Processor } from './run/fetching/processor.js';

/** From when on something counts as a problem. */
export interface ServerProblemOptions {
  /** How long tasks may wait in a queue that is not fetched from, at least `'1s'`. Default `'60s'`. */
  readonly stuckAfter?: Duration | undefined;
  /** How long the event loop may stand still, at least `'100ms'`. Default `'10s'`. */
  readonly blockedAfter?: Duration | undefined;
}

/** A part of a server that does not work. */
export interface ServerProblem {
  readonly part: 'fetching' | 'heartbeat' | 'eventLoop';
  /** For a person. */
  readonly message: string;
  /** For `fetching`. */
  readonly queue?: string | undefined;
}

/** {@link ServerProblemOptions} in ms. */
interface ProblemLimits {
  readonly stuckAfterMs: number;
  readonly blockedAfterMs: number;
}

const DAY_MS = 24 * 3_600_000;
/** Queues that are asked about per call, in turn: a server may have thousands. */
const MOST_ASKED = 16;
/** Redis is slow, and not the server. */
const PATIENCE_MS = 1_000;
/** How exactly the event loop is measured; finer costs more. */
const RESOLUTION_MS = 100;

/** @throws {InvalidOptionsError} an option is wrong */
export function readProblemOptions(options: ServerProblemOptions): ProblemLimits {
  const reader = new OptionReader(options);
  reader.onlyKnown(['stuckAfter', 'blockedAfter']);
  const limits = {
    stuckAfterMs: reader.duration('stuckAfter', 60_000, { minMs: 1_000, maxMs: DAY_MS }),
    blockedAfterMs: reader.duration('blockedAfter', 10_000, { minMs: RESOLUTION_MS, maxMs: DAY_MS }),
  };
  reader.throwIfWrong();
  return limits;
}

interface VitalSignsDeps {
  readonly runningLeases: Pick<RunningLeases, 'isBeating'>;
  readonly processor: Pick<Processor, 'quietQueues'>;
  readonly clock: Clock;
}

/** Finds out whether the parts of a server work. Costs nothing before the first question. */
export class VitalSigns {
  private nextAsked = 0;
  private loopDelay: IntervalHistogram | undefined;

  constructor(
    private readonly broker: Pick<QueueOps, 'queueStats'>,
    private readonly deps: VitalSignsDeps,
  ) {}

  /** Never rejects. */
  async problems({ stuckAfterMs, blockedAfterMs }: ProblemLimits): Promise<ServerProblem[]> {
    const blockedMs = this.longestBlockMs();
    const problems: ServerProblem[] = [];
    if (blockedMs > blockedAfterMs) {
      problems.push({ part: 'eventLoop', message: `the event loop stood still for ${Math.round(blockedMs)} ms` });
    }
    if (!this.deps.runningLeases.isBeating()) {
      problems.push({ part: 'heartbeat', message: 'the heartbeat has stopped: leases are not extended' });
    }
    return [...problems, ...(await this.stuckQueues(stuckAfterMs))];
  }

  close(): void {
    this.loopDelay?.disable();
    this.loopDelay = undefined;
  }

  /** Since the last call; 0 at the first one, which begins to measure. */
  private longestBlockMs(): number {
    if (!this.loopDelay) {
      this.loopDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.loopDelay.enable();
      return 0;
    }
    const longestMs = this.loopDelay.count === 0 ? 0 : this.loopDelay.max / 1e6;
    this.loopDelay.reset();
    return longestMs;
  }

  private async stuckQueues(forMs: number): Promise<ServerProblem[]> {
    const quiet = this.deps.processor.quietQueues(forMs);
    const asked = quiet.map((_, nth) => quiet[(this.nextAsked + nth) % quiet.length]!).slice(0, MOST_ASKED);
    this.nextAsked += asked.length;
    const found = await Promise.all(asked.map((queue) => this.stuckQueue(queue, forMs)));
    const stillQuiet = new Set(this.deps.processor.quietQueues(forMs));
    return found.filter((problem) => problem !== undefined).filter(({ queue }) => stillQuiet.has(queue!));
  }

  private async stuckQueue(queue: string, forMs: number): Promise<ServerProblem | undefined> {
    const asked = this.broker.queueStats(queue).catch(() => undefined); // the server waits for Redis, too
    const stats = await resultWithin(this.deps.clock, PATIENCE_MS, asked);
    if (!stats || stats.isPaused || stats.counts.pending === 0 || stats.latencyMs <= forMs) return undefined;
    const waited = Math.round(stats.latencyMs / 1_000);
    return { part: 'fetching', queue, message: `tasks wait in queue "${queue}" for ${waited} s, and are not fetched` };
  }
}
