import type { Client, EnqueueResult } from '@nestjs-asynq/core';
import type { PayloadCheck } from '../handling/payload-check.js';
import { hideFromLogs } from '../lifecycle/hidden-fields.js';
import type { EnqueueGuard } from './enqueue-guard.js';
import type { EnqueuedTaskOf, EnqueueOptions, PayloadOf, TaskType } from './task-payloads.js';

/** The arguments after the type: the payload, optional only when it may be `undefined`, and options. */
export type EnqueueArguments<Payload> = undefined extends Payload
  ? [payload?: Payload, options?: EnqueueOptions | undefined]
  : [payload: Payload, options?: EnqueueOptions | undefined];

/** One task of many. */
export type EnqueueItem<Type extends string = string> = {
  readonly type: Type;
  readonly options?: EnqueueOptions | undefined;
} & (undefined extends PayloadOf<Type>
  ? { readonly payload?: PayloadOf<Type> }
  : { readonly payload: PayloadOf<Type> });

/** One task of many, before its payload is compared with its type. */
export interface UncheckedItem<Type extends string> {
  readonly type: Type;
  readonly payload?: unknown;
  readonly options?: EnqueueOptions | undefined;
}

type CheckedItem<Item> = Item extends { readonly type: infer Type extends string } ? EnqueueItem<Type> : never;

/**
 * Enqueues tasks. Inject it by its class; `@InjectTaskDistributor(name)` for a named connection. It stays usable while
 * the app shuts down, so that handlers can enqueue until the last of them has ended.
 */
export class TaskDistributor {
  /**
   * @param check validates payloads before they are written; absent unless `validateOnEnqueue`
   * @param guard looks for queues that nobody serves, and payloads that would be lost
   */
  constructor(
    private readonly client: Client,
    private readonly check?: PayloadCheck | undefined,
    private readonly guard?: EnqueueGuard | undefined,
  ) {
    hideFromLogs(this, 'client', 'check', 'guard');
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
  ): Promise<EnqueuedTaskOf<Type>> {
    this.guard?.check(type, payload, options?.queue);
    await this.check?.assertValid(type, payload);
    return this.client.enqueue(type, payload, options) as Promise<EnqueuedTaskOf<Type>>;
  }

  /**
   * Writes many tasks with few calls, much faster than one by one. Never rejects because of a single task: each has its
   * own result, `{ task }` or `{ error }`, in the order given. Not atomic as a whole.
   */
  async enqueueMany<Type extends TaskType, const Items extends readonly UncheckedItem<Type>[]>(
    items: Items & { readonly [Index in keyof Items]: CheckedItem<Items[Index]> },
  ): Promise<EnqueueResult[]> {
    const given = items as readonly UncheckedItem<string>[] as readonly EnqueueItem[];
    const isRefusing = this.guard?.isRefusing ?? false;
    if (!isRefusing) for (const item of given) this.guard?.check(item?.type, item?.payload, item?.options?.queue);
    if (!this.check && !isRefusing) return this.client.enqueueMany(given);
    const errors = await Promise.all(given.map((item) => this.problemOf(item)));
    const written = await this.client.enqueueMany(given.filter((_, index) => !errors[index]));
    return errors.map((error) => (error ? { error } : written.shift()!));
  }

  private async problemOf({ type, payload, options }: EnqueueItem): Promise<Error | undefined> {
    if (!this.guard?.isRefusing) return this.check?.problemOf(type, payload);
    try {
      this.guard.check(type, payload, options?.queue);
    } catch (error) {
      return error as Error;
    }
    return this.check?.problemOf(type, payload);
  }
}
