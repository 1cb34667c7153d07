import type { Client, EnqueuedTask, EnqueueResult, TaskOptions } from '@nestjs-asynq/core';
import type { PayloadCheck } from '../handling/payload-check.js';
import { hideFromLogs } from '../lifecycle/hidden-fields.js';
import type { PayloadOf, TaskType } from './task-payloads.js';

/** The arguments after the type: the payload, optional only when it may be `undefined`, and options. */
export type EnqueueArguments<Payload> = undefined extends Payload
  ? [payload?: Payload, options?: TaskOptions | undefined]
  : [payload: Payload, options?: TaskOptions | undefined];

/** One task of many. */
export type EnqueueItem<Type extends string = string> = {
  readonly type: Type;
  readonly options?: TaskOptions | undefined;
} & (undefined extends PayloadOf<Type>
  ? { readonly payload?: PayloadOf<Type> }
  : { readonly payload: PayloadOf<Type> });

/**
 * Enqueues tasks. Inject it by its class; `@InjectTaskDistributor(name)` for a named connection. It stays usable while
 * the app shuts down, so that handlers can enqueue until the last of them has ended.
 */
export class TaskDistributor {
  /** @param check validates payloads before they are written; absent unless `validateOnEnqueue` */
  constructor(
    private readonly client: Client,
    private readonly check?: PayloadCheck | undefined,
  ) {
    hideFromLogs(this, 'client', 'check');
  }

  /**
   * Writes one task; it is stored when the promise is fulfilled. Options override the module's `defaults`.
   *
   * @throws {TaskIdConflictError} a task with this `taskId` exists in the queue
   * @throws {DuplicateTaskError} another task holds the `unique` lock
   * @throws {InvalidOptionsError} an option is invalid
   * @throws {InvalidPayloadError} with `validateOnEnqueue`, the payload violates the rules of the handler's class
   * @throws {PayloadTooLargeError} more than `maxPayloadBytes`
   * @throws {RedisCommandError} Redis failed
   */
  async enqueue<const Type extends TaskType>(
    type: Type,
    ...[payload, options]: EnqueueArguments<PayloadOf<Type>>
  ): Promise<EnqueuedTask> {
    await this.check?.assertValid(type, payload);
    return this.client.enqueue(type, payload, options);
  }

  /**
   * Writes many tasks with few calls, much faster than one by one. Never rejects because of a single task: each has its
   * own result, `{ task }` or `{ error }`, in the order given. Not atomic as a whole.
   */
  async enqueueMany<const Types extends readonly string[]>(items: {
    readonly [Index in keyof Types]: EnqueueItem<Types[Index]>;
  }): Promise<EnqueueResult[]> {
    const given = items as readonly EnqueueItem[];
    if (!this.check) return this.client.enqueueMany(given);
    const errors = await Promise.all(given.map(({ type, payload }) => this.check!.problemOf(type, payload)));
    const written = await this.client.enqueueMany(given.filter((_, index) => !errors[index]));
    return errors.map((error) => (error ? { error } : written.shift()!));
  }
}
