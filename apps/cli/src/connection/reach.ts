import { setTimeout as delay } from 'node:timers/promises';
import { type openBroker, RedisCommandError } from '@nestjs-asynq/core';

/** Timeout of the first connection. A broker waits a second for it, and TLS over a slow line takes longer. */
const TIMEOUT_MS = 5_000;
const PAUSE_MS = 100;

/** The cause is elsewhere. */
const UNCLEAR =
  /no connection within|Connection is closed|Protocol error|wrong version number|packet length|ECONNRESET|silent for|closed by the server before it answered|ETIMEDOUT/;

/** Redis cannot be reached, or rejects the login. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/**
 * Resolves once Redis answers, even with an error.
 * @param address of Redis, for the error
 * @param findReason called when the client of Redis does not say why
 * @throws {UnreachableError} it cannot be reached; contains address and reason
 */
export async function reach(
  broker: ReturnType<typeof openBroker>,
  address: string,
  findReason: () => Promise<string | undefined> = async () => undefined,
): Promise<void> {
  const giveUpAtMs = performance.now() + TIMEOUT_MS;
  for (;;) {
    const failure = await broker.ping().then(() => undefined, whyUnreachable);
    if (failure === undefined) return;
    if (failure.isFinal || performance.now() > giveUpAtMs) {
      const reason = (UNCLEAR.test(failure.reason) ? await findReason() : undefined) ?? failure.reason;
      throw new UnreachableError(`cannot reach Redis at ${address}: ${reason}`);
    }
    await delay(PAUSE_MS);
  }
}

interface Failure {
  readonly reason: string;
  /** A retry would fail the same way. */
  readonly isFinal: boolean;
}

/** `undefined`: it answered. */
function whyUnreachable(error: unknown): Failure | undefined {
  if (!(error instanceof RedisCommandError) || !(error.cause instanceof Error)) throw error;
  const { message, cause, command } = error.cause as Error & { readonly command?: { readonly name: string } };
  // It answers, but rejects the login.
  if (command?.name === 'select' || /\b(?:NOAUTH|WRONGPASS)\b/.test(message)) return { reason: message, isFinal: true };
  if (message.startsWith('LOADING')) return { reason: message, isFinal: false };
  if (!error.isTransient) return error.cause.name === 'ReplyError' ? undefined : { reason: message, isFinal: true };
  if (!(cause instanceof Error))
    return { reason: `no connection within ${TIMEOUT_MS / 1_000} seconds`, isFinal: false };
  return { reason: reasonOf(cause), isFinal: true };
}

/** ioredis puts the reason of a node behind that of the cluster, and adds its reconnect delay. */
function reasonOf(error: Error): string {
  const last = (error as { lastNodeError?: Error }).lastNodeError;
  return `${error.message}${last ? ` ${last.message}` : ''}`.replace(/ Retrying from scratch after \d+ms\./, '');
}
