import type { MemoryQueue, MemoryStore } from '../broker/memory/memory-store.js';
import { nextTick } from '../runtime/microtasks.js';
import { FakeClock } from './fake-clock.js';

/** Taken at load time, so that a test runner's fake timers do not stop the waits. */
const { setImmediate: nextTurn, setTimeout: later } = globalThis;
/** What keeps this process alive: the names of timers, immediates, requests and handles. */
const activeResources = (process.getActiveResourcesInfo as typeof process.getActiveResourcesInfo | undefined)?.bind(
  process,
);
const realMs = performance.now.bind(performance);

/** Turns of the event loop without any activity after which a program is at rest. */
const QUIET_TURNS = 3;
/** Turns for a handler that has something to do, before its waiting is taken for I/O. */
const BUSY_TURNS = 50;
const IO_PAUSE_MS = 1;
/** How long, in real time, the event loop need not turn. */
const LONGEST_WITHOUT_TURN_MS = 5;

/** A fake clock that counts how often it is asked: whatever a queue does, it asks for the time. */
export class WatchedClock extends FakeClock {
  calls = 0;

  override nowMs(): number {
    this.calls += 1;
    return super.nowMs();
  }

  override monotonicMs(): number {
    this.calls += 1;
    return super.monotonicMs();
  }
}

/** A task whose handler runs. */
export interface TaskInHand {
  readonly queue: string;
  readonly id: string;
  readonly type: string;
}

/** Waits, in real time, until the servers on a memory store have nothing left to do at this point of their time. */
export class Rest {
  /** Tasks whose handlers run for longer than a test waited for them, by queue and id. */
  private readonly abandoned = new Set<string>();
  private turnedAtMs = -Infinity;
  /** How many resources kept this process alive when it last was at rest. */
  private usualResources = -1;

  constructor(
    private readonly store: MemoryStore,
    private readonly clock: WatchedClock,
  ) {}

  /**
   * @param patienceMs how long to wait for running handlers
   * @param check called at every turn; what it throws ends the wait
   * @returns the tasks whose handlers still run
   */
  async reach(patienceMs: number, check?: () => void): Promise<readonly TaskInHand[]> {
    if (await this.settles(check)) return [];
    let untilMs = Infinity;
    let busyTurns = 0;
    for (let quietTurns = 0; quietTurns < QUIET_TURNS;) {
      const { calls } = this.clock;
      await turn();
      check?.();
      if (this.clock.calls !== calls) {
        quietTurns = busyTurns = 0;
        untilMs = Infinity;
      } else if (this.inHand().next().done) {
        quietTurns += 1;
      } else {
        quietTurns = 0;
        if (untilMs === Infinity) untilMs = realMs() + patienceMs;
        if (realMs() >= untilMs) return this.abandon();
        if (++busyTurns > BUSY_TURNS) await pause(IO_PAUSE_MS);
      }
    }
    this.turnedAtMs = realMs();
    this.usualResources = activeResources?.().length ?? -1;
    return [];
  }

  /**
   * Whether all there was to do was a matter of promises, which is usual: then no turn of the event loop brings more. Not if a
   * task is in hand, or something else than at the last rest, an immediate for example, is under way.
   */
  private async settles(check: (() => void) | undefined): Promise<boolean> {
    for (let calls = -1; calls !== this.clock.calls;) {
      if (realMs() - this.turnedAtMs >= LONGEST_WITHOUT_TURN_MS) return false;
      ({ calls } = this.clock);
      await promisesSettled();
      check?.();
    }
    if (!this.inHand().next().done) return false;
    const resources = activeResources?.() ?? ['Immediate'];
    return resources.length <= this.usualResources && !resources.includes('Immediate');
  }

  /** Handlers that a test waited for in vain: they wait for something that the test has to do. */
  private abandon(): TaskInHand[] {
    return [...this.inHand()].map(({ queue, id }) => {
      this.abandoned.add(keyOf(queue.name, id));
      return { queue: queue.name, id, type: queue.read(id)?.message.type ?? '' };
    });
  }

  private *inHand(): Generator<{ readonly queue: MemoryQueue; readonly id: string }> {
    if (this.abandoned.size > 0) this.forgetEnded();
    for (const queue of this.store.allQueues) {
      for (const id of queue.active) if (!this.abandoned.has(keyOf(queue.name, id))) yield { queue, id };
    }
  }

  private forgetEnded(): void {
    const active = new Set<string>();
    for (const queue of this.store.allQueues) for (const id of queue.active) active.add(keyOf(queue.name, id));
    for (const key of this.abandoned) if (!active.has(key)) this.abandoned.delete(key);
  }
}

const keyOf = (queue: string, id: string): string => JSON.stringify([queue, id]);

/** Ticks come after all microtasks, whatever those add. */
const promisesSettled = (): Promise<void> => new Promise((resolve) => nextTick(resolve));

const turn = (): Promise<void> => new Promise((resolve) => nextTurn(resolve));

const pause = (lengthMs: number): Promise<void> => new Promise((resolve) => later(resolve, lengthMs));
