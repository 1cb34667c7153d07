import type { ResultOps } from '../broker/roles.js';
import { LeaseLostError } from '../errors/lease-lost.error.js';
import type { PayloadCodec } from '../task/payload-codec.js';
import type { TaskContext } from '../task/task-context.js';
import type { TaskMessage } from '../wire/task-message.js';
import type { LeaseHandle } from './lease-keeper.js';

/** The handler's view of its attempt. */
export class AttemptContext implements TaskContext {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly payloadBytes: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly retried: number;
  readonly maxRetry: number;
  readonly deadline: Date;
  readonly #lease: LeaseHandle;
  readonly #results: ResultOps;
  readonly #codec: PayloadCodec;

  constructor(
    message: TaskMessage,
    deadlineMs: number,
    readonly signal: AbortSignal,
    deps: { readonly lease: LeaseHandle; readonly results: ResultOps; readonly codec: PayloadCodec },
  ) {
    this.id = message.id;
    this.type = message.type;
    this.queue = message.queue;
    this.payloadBytes = message.payload;
    this.headers = message.headers;
    this.retried = message.retried;
    this.maxRetry = message.maxRetry;
    this.deadline = new Date(deadlineMs);
    this.#lease = deps.lease;
    this.#results = deps.results;
    this.#codec = deps.codec;
  }

  async writeResult(result: unknown): Promise<void> {
    const bytes = result instanceof Uint8Array ? result : this.#codec.encode(result);
    this.signal.throwIfAborted();
    const isStored = await this.#results.writeResult(this.queue, this.#lease.claim(), bytes);
    if (!isStored) throw new LeaseLostError(this.queue, this.id);
  }
}
