import { connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { loginOf, placeOf, usesTls } from './connection-of.js';
import type { Settings } from './settings.js';

/** As long as the client of Redis waits for its first connection. */
const TIMEOUT_MS = 5_000;
const IS_PARTITION = /:p\d+-[a-z]{2}$/;

/**
 * The names of all queues, by one command on one connection: at each TAB of a shell the client of Redis would take longer to
 * load than all the rest.
 * @returns `undefined` where that client is needed: for clusters, sentinels, TLS and partitions, and when Redis refuses
 * @throws {Error} Redis cannot be reached
 */
export async function readQueueNames(settings: Settings): Promise<string[] | undefined> {
  const place = placeOf(settings);
  if (usesTls(settings) || 'cluster' in place || 'sentinels' in place) return undefined;
  const { username, password, db, family } = loginOf(settings);
  const before = [
    ...(password === undefined ? [] : [['AUTH', ...(username === undefined ? [] : [username]), password]]),
    ...(db === 0 ? [] : [['SELECT', String(db)]]),
  ];
  const socket = 'socket' in place ? connect(place.socket) : connect({ ...place.server, ...(family && { family }) });
  const reply = await ask(socket, [...before, ['SMEMBERS', 'asynq:queues'], ['QUIT']]);
  const names = namesIn(reply, before.length);
  return names?.some((name) => IS_PARTITION.test(name)) ? undefined : names?.toSorted();
}

/** Sends commands, of which the last one closes the connection, and returns all that was answered. */
function ask(socket: Socket, commands: readonly (readonly string[])[]): Promise<Buffer> {
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
  for (const words of commands) {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    socket.write(`*${words.length}\r\n${parts.join('')}`);
  }
  return buffer(socket);
}

/** @param before replies to other commands; `undefined`: one of these, or the names themselves, were refused */
function namesIn(reply: Buffer, before: number): string[] | undefined {
  let at = 0;
  const line = (): string => {
    const end = reply.indexOf('\r\n', at);
    const text = reply.toString('latin1', at, end);
    at = end + 2;
    return text;
  };
  for (let nth = 0; nth < before; nth++) if (line() !== '+OK') return undefined;
  const [, count] = /^\*(\d+)$/.exec(line()) ?? [];
  if (count === undefined) return undefined;
  return Array.from({ length: Number(count) }, () => {
    const length = Number(line().slice('$'.length));
    const name = reply.toString('utf8', at, at + length);
    at += length + '\r\n'.length;
    return name;
  });
}
