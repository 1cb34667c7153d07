import type { Contender } from '../contenders/contender.js';
import { DEFAULT_QUEUE, type Load, type Produced } from '../program/protocol.js';
import { Program } from './program.js';
import { RedisStore, type Store } from './store.js';

const PRELOAD_BATCH = 1_000;
const PRELOAD_LANES = 100;

/** One contender's turn at a figure: an initially empty store, and the contender's programs. */
export class Turn implements AsyncDisposable {
  private readonly programs: Program[] = [];

  constructor(
    readonly contender: Contender,
    readonly store: Store,
    private readonly scale: number,
  ) {}

  /** Scales a number of tasks, or seconds, of a full run to this run. */
  scaled(full: number, least = 1): number {
    return Math.max(least, Math.round(full * this.scale));
  }

  get redis(): RedisStore {
    if (!(this.store instanceof RedisStore)) throw new Error(`${this.contender.title} has no Redis`);
    return this.store;
  }

  start(): Program {
    const program = new Program([...this.contender.command, this.store.url]);
    this.programs.push(program);
    return program;
  }

  /** Enqueues with a program that ends before anything is measured. @throws {Error} when tasks were refused */
  async preload(load: Partial<Load> & Pick<Load, 'count'>): Promise<Produced> {
    await using producer = this.start();
    const lanes = this.contender.hasBatches ? 1 : PRELOAD_LANES;
    const batch = Math.min(PRELOAD_BATCH, Math.ceil(load.count / 10));
    const produced = await producer.produce({ queues: [DEFAULT_QUEUE], lanes, batch, ...load });
    if (produced.accepted !== load.count) throw new Error(`${produced.accepted} of ${load.count} tasks were enqueued`);
    await producer.stop();
    return produced;
  }

  /** Ends the programs; the store stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.programs.map((program) => program[Symbol.asyncDispose]()));
  }
}
