import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { vi } from 'vitest';
import { commandReader } from './resp-commands.js';

/** A reply as it is written, an array of them, or none at all. */
export type FakeReply = string | number | null | readonly FakeReply[] | Error | undefined;

/** One connection to a {@link FakeRedis}, numbered from 0; `name` is the name that the client has set. */
export interface FakePeer {
  readonly index: number;
  name: string;
  /** Closes the connection. */
  readonly close: () => void;
}

/** A server that speaks the Redis protocol and answers as a test defines; by default it accepts logins and names. */
export interface FakeRedis extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly peers: readonly FakePeer[];
  /** Names of the received commands, in upper case, without those of a login. */
  readonly commands: readonly string[];
}

export interface FakeRedisOptions {
  /** Whether a connection is accepted and never answered. */
  readonly isSilent?: (peer: FakePeer) => boolean;
  /** The answer to AUTH. */
  readonly login?: () => FakeReply;
  /** The answer to CLIENT TRACKING. */
  readonly tracking?: () => FakeReply | Promise<FakeReply>;
}

/** @param answer to a command that is not part of a login */
export async function openFakeRedis(
  answer: (command: readonly string[], peer: FakePeer) => FakeReply,
  { isSilent = () => false, login = () => 'OK', tracking = () => 'OK' }: FakeRedisOptions = {},
): Promise<FakeRedis> {
  const peers: FakePeer[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();

  function reply([name = '', ...args]: readonly string[], peer: FakePeer): FakeReply | Promise<FakeReply> {
    const command = name.toUpperCase();
    if (command === 'CLIENT' && args[0]?.toUpperCase() === 'SETNAME') peer.name = args[1]!;
    if (isSilent(peer)) return undefined;
    if (command === 'AUTH') return login();
    if (command === 'CLIENT' && args[0]?.toUpperCase() === 'TRACKING') return tracking();
    if (['SELECT', 'CLIENT', 'READONLY'].includes(command)) return 'OK';
    commands.push(command);
    return answer([command, ...args], peer);
  }

  const server = createServer((socket) => {
    const peer = { index: peers.length, name: '', close: () => void socket.destroy() };
    const readCommands = commandReader();
    peers.push(peer);
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
    const write = (answered: FakeReply): void => {
      if (answered !== undefined) socket.write(encode(answered), 'latin1');
    };
    socket.on('data', (chunk: Buffer) => {
      for (const command of readCommands(chunk)) {
        const answered = reply(
          command.map((part) => part.toString('latin1')),
          peer,
        );
        if (answered instanceof Promise) void answered.then(write);
        else write(answered);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    peers,
    commands,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function encode(reply: Exclude<FakeReply, undefined>): string {
  if (reply instanceof Error) return `-${reply.message}\r\n`;
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (reply === null) return '$-1\r\n';
  if (typeof reply === 'string') return `$${reply.length}\r\n${reply}\r\n`;
  return `*${reply.length}\r\n${reply.map((item) => encode(item ?? null)).join('')}`;
}

/** `CLUSTER SLOTS` of nodes that share the slots evenly. */
export function slotsOf(ports: readonly number[]): FakeReply {
  const size = 16_384 / ports.length;
  return ports.map((port, index) => [
    Math.ceil(index * size),
    Math.ceil((index + 1) * size) - 1,
    ['127.0.0.1', port, `node-${index}`],
  ]);
}

/**
 * Lets fake time pass, 100 ms for each real turn of the event loop, until something holds.
 * @throws {Error} it does not within `mostMs`
 */
export async function passTimeUntil(holds: () => boolean, mostMs = 30_000): Promise<void> {
  for (let passedMs = 0; !holds(); passedMs += 100) {
    if (passedMs > mostMs) throw new Error(`not within ${mostMs} ms`);
    await vi.advanceTimersByTimeAsync(100);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}
