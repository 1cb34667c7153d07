import type { PayloadCodec } from '@nestjs-asynq/core';
import { checkDecoded, encodeWith, undecodable } from '@nestjs-asynq/core/internal';
import type { DiscoveredHandler } from '../discovery/task-handler.explorer.js';
import type { TaskHandlers } from '../discovery/task-handlers.js';
import { InvalidPayloadError } from './invalid-payload.error.js';
import { isRejection, rejectionMessages } from './payload-validator.js';
import type { TaskPipeline } from './task-pipeline.js';

type Check = (payload: unknown) => Promise<void>;

/**
 * Validates payloads before they are enqueued, with the pipes that they meet on their way to this app's handler of the type: global
 * ones, those of class, method and parameter, and the validation by class or schema. A type without a handler here passes: the
 * process that handles it decides.
 */
export class PayloadCheck {
  private readonly checks = new WeakMap<DiscoveredHandler, Check>();

  /** @param makePipeline called once for each handler: a pipeline must not serve two methods */
  constructor(
    private readonly handlers: TaskHandlers,
    private readonly makePipeline: () => TaskPipeline,
    private readonly codec: PayloadCodec,
  ) {}

  /** `undefined`: the payload is valid. Otherwise {@link InvalidPayloadError}, or the error of a pipe that could not tell. */
  async problemOf(type: string, payload: unknown): Promise<Error | undefined> {
    const handler = this.handlers.find(type);
    // Bytes are already encoded: the codec passes them through, and so does this check.
    if (!handler || payload instanceof Uint8Array) return undefined;
    const asHandlersSeeIt = this.roundTrip(payload);
    if ('problem' in asHandlersSeeIt) return undefined; // the client reports it
    return this.violation(type, handler, asHandlersSeeIt.payload);
  }

  /** The same for a payload as it is stored. The texts do not quote it, unless a rule of the app does. */
  async problemOfBytes(type: string, bytes: Uint8Array): Promise<InvalidPayloadError | undefined> {
    const handler = this.handlers.find(type);
    if (!handler) return undefined;
    let payload: unknown;
    try {
      payload = checkDecoded(this.codec.decode(new Uint8Array(bytes)));
    } catch (error) {
      return new InvalidPayloadError(type, [undecodable(error)]);
    }
    const problem = await this.violation(type, handler, payload);
    if (problem === undefined || problem instanceof InvalidPayloadError) return problem;
    return new InvalidPayloadError(type, rejectionMessages(problem));
  }

  /** @throws {InvalidPayloadError} the payload violates a rule */
  async assertValid(type: string, payload: unknown): Promise<void> {
    const problem = await this.problemOf(type, payload);
    if (problem) throw problem;
  }

  private checkOf(handler: DiscoveredHandler): Check {
    let check = this.checks.get(handler);
    if (!check) {
      const { provider, prototype, method, found, source = found.decorated } = handler;
      const instance = provider.instance ?? (Object.create(prototype) as object);
      check = this.makePipeline().createCheck(instance, method, source);
      this.checks.set(handler, check);
    }
    return check;
  }

  /** A `Date` arrives as text, an `undefined` property not at all: rules apply to the decoded payload. */
  private roundTrip(payload: unknown): { readonly payload: unknown } | { readonly problem: unknown } {
    try {
      return { payload: checkDecoded(this.codec.decode(encodeWith(this.codec, payload))) };
    } catch (problem) {
      return { problem };
    }
  }

  private async violation(type: string, handler: DiscoveredHandler, payload: unknown): Promise<Error | undefined> {
    try {
      await this.checkOf(handler)(payload);
      return undefined;
    } catch (error) {
      if (isRejection(error)) return new InvalidPayloadError(type, rejectionMessages(error));
      return error instanceof Error ? error : new InvalidPayloadError(type, rejectionMessages(error));
    }
  }
}
