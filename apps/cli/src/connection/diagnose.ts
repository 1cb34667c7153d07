import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { RedisUrl } from '@nestjs-asynq/core';

const TIMEOUT_MS = 1_000;

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Why there is no connection, where the client of Redis does not say: nobody listens, or the port speaks TLS, or does not.
 * `undefined`: no reason was found.
 */
export async function diagnose(place: RedisUrl['place'], usesTls: boolean): Promise<string | undefined> {
  const addresses = addressesOf(place);
  const reasons = await Promise.all(addresses.map((address) => reasonAt(address, usesTls)));
  return reasons.find((reason) => reason !== undefined);
}

function addressesOf(place: RedisUrl['place']): readonly Address[] {
  if ('server' in place) return [place.server];
  if ('sentinels' in place) return place.sentinels;
  return 'cluster' in place ? place.cluster : [];
}

async function reasonAt(address: Address, usesTls: boolean): Promise<string | undefined> {
  const failure = await tried(connect(address), 'connect');
  if (failure) return failure.message;
  if (usesTls) return (await answersPing(address)) ? 'this port does not speak TLS: leave --tls out' : undefined;
  const isTls = (await tried(connectTls({ ...address, rejectUnauthorized: false }), 'secureConnect')) === undefined;
  return isTls ? 'this port speaks TLS: add --tls' : undefined;
}

/** The error, or that of a timeout; `undefined`: the event came. */
async function tried(socket: Socket, event: string): Promise<Error | undefined> {
  try {
    await once(socket, event, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return undefined;
  } catch (error) {
    return error as Error;
  } finally {
    socket.destroy();
  }
}

/** Whether it answers as Redis does, even with a refusal. */
async function answersPing(address: Address): Promise<boolean> {
  const socket = connect(address);
  try {
    socket.write('PING\r\n');
    const [reply] = (await once(socket, 'data', { signal: AbortSignal.timeout(TIMEOUT_MS) })) as [Buffer];
    return /^[+-]/.test(reply.toString());
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
