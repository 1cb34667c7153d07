import type { SettleOps } from '../../../broker/contract/settle.js';
import { LeaseLostError } from '../../../errors/lease-lost.error.js';
import { placeOf } from '../../../partitions/partition-name.js';
import type { Clock } from '../../../runtime/clock.js';
import type { LazySignal } from '../../../runtime/lazy-signal.js';
import type { Logger } from '../../../runtime/logger.js';
import { codecErrorText, encodeWith, type PayloadCodec } from '../../../task/payload-codec.js';
import { TaskContext } from '../../../task/task-context.js';
import type { TaskEventListener } from '../../../task/task-event.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import { hasNewProof, type LeaseHandle, type TrackedTask } from '../../leases/lease-handle.js';
import { ProgressReporter } from './progress-reporter.js';
import { taskFields } from '../../../task/task-fields.js';

interface AttemptContextDeps {
  readonly results: Pick<SettleOps, 'writeResult' | 'writeProgress'>;
  readonly codec: PayloadCodec;
  readonly emit: TaskEventListener | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What may be aborted, by a signal that is made when somebody asks for it. */
export interface Abortable {
  readonly abortion: LazySignal;
}

/** The handler's view of its attempt. Payload and headers are getters, so that a logged context does not show them. */
export class AttemptContext extends TaskContext {
  override readonly id: string;
  override readonly type: string;
  override readonly queue: string;
  override readonly partition?: string;
  override readonly retried: number;
  override readonly maxRetry: number;
  readonly #deadlineMs: number;
  readonly #message: TaskMessage;
  readonly #lease: LeaseHandle;
  readonly #abortable: Abortable;
  readonly #deps: AttemptContextDeps;
  #deadline: Date | undefined;
  #payloadBytes: Uint8Array | undefined;
  #payload: unknown;
  #reporter: ProgressReporter | undefined;
  #hasResult = false;

  constructor(
    { task: { message }, deadlineMs }: TrackedTask,
    lease: LeaseHandle,
    abortable: Abortable,
    deps: AttemptContextDeps,
  ) {
    super();
    this.id = message.id;
    this.type = message.type;
    const { queue, partition } = placeOf(message.queue);
    this.queue = queue;
    if (partition !== undefined) this.partition = partition;
    this.retried = message.retried;
    this.maxRetry = message.maxRetry;
    this.#deadlineMs = deadlineMs;
    this.#message = message;
    this.#lease = lease;
    this.#abortable = abortable;
    this.#deps = deps;
  }

  override get deadline(): Date {
    return (this.#deadline ??= new Date(this.#deadlineMs));
  }

  /** A copy: a retry stores the bytes again, and other tasks may share their memory. */
  override get payloadBytes(): Uint8Array {
    return (this.#payloadBytes ??= new Uint8Array(this.#message.payload));
  }

  override get payload(): unknown {
    return this.#payload;
  }

  override get headers(): Readonly<Record<string, string>> {
    return this.#message.headers;
  }

  override get signal(): AbortSignal {
    return this.#abortable.abortion.signal;
  }

  override async writeResult(result: unknown): Promise<void> {
    const { results } = this.#deps;
    const lease = this.#lease;
    const bytes = this.#encode(result);
    const { isAborted, reason } = this.#abortable.abortion;
    if (isAborted) throw reason;
    let claim = lease.claim();
    while (!(await results.writeResult(this.#message.queue, claim, bytes))) {
      if (!hasNewProof(lease, claim)) throw new LeaseLostError(this.#message.queue, this.#message.id);
      claim = lease.claim();
    }
    this.#hasResult = true;
  }

  override progress(share: number, note?: string): void {
    this.#reporter ??= this.#openReporter();
    this.#reporter.report(share, note);
  }

  // Static: the handler may have changed the properties and the prototype of its context.

  static setPayload(context: AttemptContext, payload: unknown): void {
    context.#payload = payload;
  }

  /** Stores the last progress report; `undefined` when none was made. Never rejects. */
  static flush(context: AttemptContext): Promise<void> | undefined {
    return context.#reporter?.flush();
  }

  /** The handler's return value as bytes to store, if any. */
  static resultOf(context: AttemptContext, returned: unknown): Uint8Array | undefined {
    if (returned === undefined || context.#hasResult) return undefined;
    try {
      return context.#encode(returned);
    } catch (error) {
      // The work is done, and another run would return the same value.
      const fields = { ...taskFields(context.#message), reason: codecErrorText(error) };
      context.#deps.logger.warn('cannot store the return value of the handler as the result of its task', fields);
      return undefined;
    }
  }

  /**
   * A copy of the bytes: the handler may overwrite them, or transfer them to another thread, before they are stored.
   * @throws {TypeError} they have already been transferred
   */
  #encode(result: unknown): Uint8Array {
    if (result instanceof ArrayBuffer) return new Uint8Array(result.slice(0));
    if (result instanceof DataView) return new Uint8Array(result.buffer, result.byteOffset, result.byteLength).slice();
    return new Uint8Array(result instanceof Uint8Array ? result : encodeWith(this.#deps.codec, result));
  }

  #openReporter(): ProgressReporter {
    const { results, emit, clock, logger } = this.#deps;
    const lease = this.#lease;
    const { id, type, queue } = this.#message;
    return new ProgressReporter({
      write: (progress) => results.writeProgress(this.#message, lease.claim(), progress),
      onWritten: ({ share, note, atMs }) =>
        emit?.({ kind: 'progressed', id, type, queue, share, note, at: new Date(atMs) }),
      clock,
      logger,
    });
  }
}
