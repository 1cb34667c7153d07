import type { SettleOps } from '../../broker/contract/settle.js';
import { LeaseLostError } from '../../errors/lease-lost.error.js';
import type { Clock } from '../../runtime/clock.js';
import type { LazySignal } from '../../runtime/lazy-signal.js';
import type { Logger } from '../../runtime/logger.js';
import { encodeWith, type PayloadCodec } from '../../task/payload-codec.js';
import type { TaskContext } from '../../task/task-context.js';
import type { TaskEventListener } from '../../task/task-event.js';
import type { TaskMessage } from '../../wire/task-message.js';
import { hasNewProof, type LeaseHandle } from '../leases/lease-handle.js';
import { ProgressReporter } from './progress-reporter.js';
import { taskFields } from '../../task/task-fields.js';

export interface AttemptContextDeps {
  readonly lease: LeaseHandle;
  readonly results: Pick<SettleOps, 'writeResult' | 'writeProgress'>;
  readonly codec: PayloadCodec;
  readonly emit: TaskEventListener | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The handler's view of its attempt. Payload and headers are getters, so that a logged context does not show them. */
export class AttemptContext implements TaskContext {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly retried: number;
  readonly maxRetry: number;
  readonly deadline: Date;
  readonly #message: TaskMessage;
  readonly #abortion: LazySignal;
  readonly #deps: AttemptContextDeps;
  #reporter: ProgressReporter | undefined;
  #hasResult = false;

  constructor(message: TaskMessage, deadlineMs: number, abortion: LazySignal, deps: AttemptContextDeps) {
    this.id = message.id;
    this.type = message.type;
    this.queue = message.queue;
    this.retried = message.retried;
    this.maxRetry = message.maxRetry;
    this.deadline = new Date(deadlineMs);
    this.#message = message;
    this.#abortion = abortion;
    this.#deps = deps;
  }

  get payloadBytes(): Uint8Array {
    return this.#message.payload;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#message.headers;
  }

  get signal(): AbortSignal {
    return this.#abortion.signal;
  }

  async writeResult(result: unknown): Promise<void> {
    const { results, lease } = this.#deps;
    const bytes = this.#encode(result);
    if (this.#abortion.isAborted) throw this.#abortion.reason;
    let claim = lease.claim();
    while (!(await results.writeResult(this.queue, claim, bytes))) {
      if (!hasNewProof(lease, claim)) throw new LeaseLostError(this.queue, this.id);
      claim = lease.claim();
    }
    this.#hasResult = true;
  }

  progress(share: number, note?: string): void {
    this.#reporter ??= this.#openReporter();
    this.#reporter.report(share, note);
  }

  /** Stores the last progress report, if it is not stored yet. Never rejects. */
  async flush(): Promise<void> {
    await this.#reporter?.flush();
  }

  /** The handler's return value as bytes to store, if any. */
  resultOf(returned: unknown): Uint8Array | undefined {
    if (returned === undefined || this.#hasResult) return undefined;
    try {
      return this.#encode(returned);
    } catch (error) {
      // The work is done: another run would return the same.
      const fields = { ...taskFields(this), error };
      this.#deps.logger.warn('cannot store the return value of the handler as the result of its task', fields);
      return undefined;
    }
  }

  /**
   * The bytes as they are now: the handler may fill them anew, or hand them to another thread, before they are stored.
   * @throws {TypeError} it did so already
   */
  #encode(result: unknown): Uint8Array {
    return new Uint8Array(result instanceof Uint8Array ? result : encodeWith(this.#deps.codec, result));
  }

  #openReporter(): ProgressReporter {
    const { results, lease, emit, clock, logger } = this.#deps;
    const { id, type, queue } = this;
    return new ProgressReporter({
      write: (progress) => results.writeProgress(this.#message, lease.claim(), progress),
      onWritten: ({ share, note, atMs }) =>
        emit?.({ kind: 'progressed', id, type, queue, share, note, at: new Date(atMs) }),
      clock,
      logger,
    });
  }
}
