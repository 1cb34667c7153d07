/**
 * The app's task types and their payloads. Empty by default; extend it to have `enqueue` check payloads at compile
 * time:
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

/** A task type: editors suggest the known ones, any other text is fine. */
export type TaskType = keyof TaskPayloads | (string & {});

/** Payload of a task type; `unknown` when the type is not listed in {@link TaskPayloads}. */
export type PayloadOf<Type extends string> = Type extends keyof TaskPayloads ? TaskPayloads[Type] : unknown;
