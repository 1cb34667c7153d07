import type { PeriodicEntry } from './periodic-entry.js';
import { TickLoop, type TickLoopDeps } from './tick-loop.js';

/** One loop per queue with entries: a queue whose Redis node is down does not delay the others. */
export class TickLoops {
  private readonly loops = new Map<string, TickLoop>();
  private readonly leaving = new Set<Promise<void>>();
  private isStarted = false;

  constructor(private readonly deps: TickLoopDeps) {}

  start(): void {
    this.isStarted = true;
    for (const loop of this.loops.values()) loop.start();
  }

  /** Waits for pending claims. */
  async stop(): Promise<void> {
    this.isStarted = false;
    await Promise.all([...[...this.loops.values()].map((loop) => loop.stop()), ...this.leaving]);
  }

  add(entry: PeriodicEntry): void {
    const { queue } = entry.definition;
    const loop = this.loops.get(queue) ?? new TickLoop(queue, this.deps);
    this.loops.set(queue, loop);
    loop.add(entry);
    if (this.isStarted) loop.start();
  }

  /** Removes an entry, and the loop with the last entry of its queue. */
  remove(entry: PeriodicEntry): void {
    const { queue } = entry.definition;
    const loop = this.loops.get(queue);
    loop?.remove(entry);
    if (!loop?.isIdle) return;
    this.loops.delete(queue);
    const stopped = loop.stop().finally(() => this.leaving.delete(stopped));
    this.leaving.add(stopped);
  }

  /** Stores the definition of an entry now. */
  async store(entry: PeriodicEntry): Promise<void> {
    await this.loops.get(entry.definition.queue)?.store(entry);
  }

  wake(queue: string): void {
    this.loops.get(queue)?.wake();
  }
}
