import type { EnqueuedTask, TaskOptions } from '@nestjs-asynq/core';
import type { WaitOptions } from '@nestjs-asynq/core/internal';
import type { StandardSchema } from '../handling/standard-schema.js';

/**
 * The app's task types and their payloads. Empty by default; extend it to have `enqueue` and `@TaskHandler` check payloads at
 * compile time:
 *
 * ```ts
 * declare module 'nestjs-asynq' {
 *   interface TaskPayloads {
 *     'email:verify': VerifyEmail;
 *   }
 * }
 * ```
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- an interface, because only interfaces can be extended
export interface TaskPayloads {}

declare const enqueued: unique symbol;
declare const handled: unique symbol;

/**
 * In {@link TaskPayloads}, a payload whose handlers check it by `@Payload({ schema })`. Its types are those of the schema: what is
 * enqueued, before defaults and conversions, and what handlers take, after them.
 *
 * ```ts
 * const Reminder = z.object({ at: z.iso.datetime().transform((at) => new Date(at)) });
 *
 * declare module 'nestjs-asynq' {
 *   interface TaskPayloads {
 *     'reminder:send': PayloadBySchema<typeof Reminder>; // enqueued with a text, handled with a Date
 *   }
 * }
 * ```
 */
export interface PayloadBySchema<Schema extends StandardSchema> {
  readonly [enqueued]: TypesOf<Schema>['input'];
  readonly [handled]: TypesOf<Schema>['output'];
}

type TypesOf<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>;

/**
 * The results of task types: what their handlers return, and `result()` of an enqueued task gives. Extend it as
 * {@link TaskPayloads}; the result of a type that is not listed is `unknown`.
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- an interface, because only interfaces can be extended
export interface TaskResults {}

/**
 * The app's queues, as keys: `interface TaskQueues { critical: true; default: true }`. Extended as {@link TaskPayloads}, it makes
 * other names of queues errors at compile time.
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- an interface, because only interfaces can be extended
export interface TaskQueues {}

/**
 * How strict the types are. Extended with `strict: true`, only types that are listed in {@link TaskPayloads} can be enqueued and
 * handled.
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- an interface, because only interfaces can be extended
export interface TaskTyping {}

/** A task type: editors suggest the known ones; any other text is fine, unless {@link TaskTyping} is strict. */
export type TaskType = TaskTyping extends { readonly strict: true }
  ? keyof TaskPayloads
  : keyof TaskPayloads | (string & {});

/** Payload with which a task type is enqueued; `unknown` when the type is not listed in {@link TaskPayloads}. */
export type PayloadOf<Type extends string> = Type extends keyof TaskPayloads
  ? TaskPayloads[Type] extends { readonly [enqueued]: infer Payload }
    ? Payload
    : TaskPayloads[Type]
  : unknown;

/** Payload that handlers of a task type take: another than {@link PayloadOf} for a {@link PayloadBySchema} that converts it. */
export type HandledPayloadOf<Type extends string> = Type extends keyof TaskPayloads
  ? TaskPayloads[Type] extends { readonly [handled]: infer Payload }
    ? Payload
    : TaskPayloads[Type]
  : unknown;

/** Result of a task type; `unknown` when the type is not listed in {@link TaskResults}. */
export type ResultOf<Type extends string> = Type extends keyof TaskResults ? TaskResults[Type] : unknown;

/** The name of a queue: any text, unless {@link TaskQueues} lists some. */
export type QueueName = [keyof TaskQueues] extends [never] ? string : keyof TaskQueues;

/** Options of a task, with the names of {@link TaskQueues}. */
export type EnqueueOptions = [keyof TaskQueues] extends [never]
  ? TaskOptions
  : Omit<TaskOptions, 'queue'> & { readonly queue?: QueueName | undefined };

/** A task whose result has a type. */
export interface TaskWithResult<Result> extends Omit<EnqueuedTask, 'result'> {
  /**
   * Waits until the task has succeeded, and decodes its result; `undefined` for a task without `retention` or without a stored
   * result.
   *
   * @throws {TaskFailedError} the task was archived
   * @throws the errors of `wait`, and the codec's for a result that it cannot decode
   */
  result(options?: WaitOptions): Promise<Result>;
}

/** The task that `enqueue` returns: its `result()` has the type that {@link TaskResults} lists. */
export type EnqueuedTaskOf<Type extends string> = Type extends keyof TaskResults
  ? TaskWithResult<TaskResults[Type]>
  : EnqueuedTask;
