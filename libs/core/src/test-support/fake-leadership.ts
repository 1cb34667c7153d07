import type { Leadership } from '../server/watch/work-watcher.js';

/** Leads the queues that the test sets. */
export class FakeLeadership implements Leadership {
  private readonly led: Set<string>;
  private readonly listeners = new Set<(queue: string) => void>();

  constructor(queues: readonly string[]) {
    this.led = new Set(queues);
  }

  isLeader(queue: string): boolean {
    return this.led.has(queue);
  }

  onElected(listener: (queue: string) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  elect(queue: string): void {
    this.led.add(queue);
    for (const listener of this.listeners) listener(queue);
  }

  /** No listener is called, as when a lease ends. */
  depose(queue: string): void {
    this.led.delete(queue);
  }
}
