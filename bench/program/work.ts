import { nowUs, ownUsage } from './clock.js';
import type { Handle } from './driver.js';
import type { Mark, Report, Service, TaskPayload } from './protocol.js';

/** The handler of a service with its measurements. If a figure needs only a count, it does nothing else. */
export class Work {
  private handled = 0;
  private marksLeft: readonly number[];
  private readonly hasQueues: boolean;
  private readonly perQueue: Record<string, number> = {};
  private readonly latenciesMs: number[] = [];

  constructor(
    private readonly service: Service,
    private readonly onMark: (mark: Mark) => void,
  ) {
    this.marksLeft = service.marks ?? [];
    this.hasQueues = Object.keys(service.queues).length > 1;
  }

  readonly handle: Handle = (payload, queue) => {
    if (++this.handled === this.marksLeft[0]) this.mark();
    const { failEach, hasResult, latencyFrom } = this.service;
    if (latencyFrom !== undefined) this.latenciesMs.push(latencyMs(payload, latencyFrom));
    if (this.hasQueues) this.perQueue[queue] = (this.perQueue[queue] ?? 0) + 1;
    if (failEach !== undefined && payload.userId % failEach === 0) throw new Error('the receiver does not answer');
    return hasResult ? { sentTo: payload.userId, ok: true } : undefined;
  };

  report(): Report {
    return { handled: this.handled, latenciesMs: this.latenciesMs };
  }

  private mark(): void {
    this.marksLeft = this.marksLeft.slice(1);
    this.onMark({ handled: this.handled, perQueue: this.perQueue, ...ownUsage() });
  }
}

function latencyMs({ at }: TaskPayload, from: 'call' | 'due'): number {
  return from === 'call' ? (nowUs() - at!) / 1000 : Date.now() - at!;
}
