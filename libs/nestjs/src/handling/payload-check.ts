import type { Type } from '@nestjs/common';
import type { PayloadCodec } from '@nestjs-asynq/core';
import { checkDecoded, encodeWith, undecodable } from '@nestjs-asynq/core/internal';
import type { TaskHandlers } from '../discovery/task-handlers.js';
import { InvalidPayloadError } from './invalid-payload.error.js';
import { type PayloadValidator, rejectionMessages } from './payload-validator.js';

/**
 * Validates payloads before they are enqueued, against the payload class of this app's handler for the type. A type
 * without a handler here, or without a payload class, passes: the process that handles it decides.
 */
export class PayloadCheck {
  constructor(
    private readonly handlers: TaskHandlers,
    private readonly validator: PayloadValidator,
    private readonly codec: PayloadCodec,
  ) {}

  async problemOf(type: string, payload: unknown): Promise<InvalidPayloadError | undefined> {
    const payloadClass = this.handlers.find(type)?.payloadClass;
    // Bytes are already encoded: the codec passes them through, and so does this check.
    if (!payloadClass || payload instanceof Uint8Array) return undefined;
    try {
      return await this.violation(type, this.asHandlersSeeIt(payload), payloadClass);
    } catch (error) {
      return new InvalidPayloadError(type, rejectionMessages(error));
    }
  }

  /** The same for a payload as it is stored. The texts do not quote it, unless a rule of the app does. */
  async problemOfBytes(type: string, bytes: Uint8Array): Promise<InvalidPayloadError | undefined> {
    const payloadClass = this.handlers.find(type)?.payloadClass;
    if (!payloadClass) return undefined;
    try {
      const payload = checkDecoded(this.codec.decode(new Uint8Array(bytes)));
      return await this.violation(type, payload, payloadClass);
    } catch (error) {
      return new InvalidPayloadError(type, [undecodable(error)]);
    }
  }

  /** @throws {InvalidPayloadError} the payload violates a rule */
  async assertValid(type: string, payload: unknown): Promise<void> {
    const problem = await this.problemOf(type, payload);
    if (problem) throw problem;
  }

  /** A `Date` arrives as text, an `undefined` property not at all: rules apply to the decoded payload. */
  private asHandlersSeeIt(payload: unknown): unknown {
    return checkDecoded(this.codec.decode(encodeWith(this.codec, payload)));
  }

  private async violation(
    type: string,
    payload: unknown,
    payloadClass: Type,
  ): Promise<InvalidPayloadError | undefined> {
    try {
      await this.validator.validate(payload, payloadClass);
      return undefined;
    } catch (error) {
      return new InvalidPayloadError(type, rejectionMessages(error));
    }
  }
}
