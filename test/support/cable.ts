import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import type { RedisServer } from './redis-server.js';

/** The network path to a Redis server: a proxy on its own port. */
export interface Cable extends AsyncDisposable {
  readonly url: string;
  /** Connections made through it so far. */
  readonly connections: number;
  /**
   * Current connections, or only those of a purpose such as `watch`, become permanently silent without being closed.
   * Later ones work.
   */
  pull(purpose?: string): void;
  /** Closes the current connections. Later ones work. */
  cut(): void;
  /** Delays all replies of Redis from now on, ms. */
  delay(ms: number): void;
  /** Drops the next reply on each current connection, and closes the connection. Later ones work. */
  loseReplies(): void;
  /** New connections are accepted, but not answered until `until` resolves. */
  hang(until: Promise<unknown>): void;
  /**
   * Closes a connection of a purpose when it sends a text, before Redis reads it; once. Resolves when it has happened.
   */
  cutAt(purpose: string, text: string): Promise<void>;
  /**
   * Passes on a command of a purpose with a text, once, and closes its connection when Redis answers. Later connections
   * hang until `until` resolves.
   */
  loseReply(purpose: string, text: string, until: Promise<unknown>): void;
  /**
   * Closes a connection of a purpose when it sends a text, once, and keeps the sent bytes. Resolves when it has
   * happened, with a function that sends them to Redis.
   */
  hold(purpose: string, text: string): Promise<() => void>;
}

export interface CableOptions {
  /** Limits the bytes per second from Redis; default: unlimited. */
  readonly bytesPerS?: number | undefined;
}

interface Line {
  readonly near: Socket;
  readonly far: Socket;
  purpose: string | undefined;
  /** The end of one socket does not end the other. */
  isSevered: boolean;
}

/** What happens to the next command with a text. */
interface Trap {
  readonly purpose: string;
  readonly text: string;
  /** Returns whether the command is passed on to Redis. */
  readonly spring: (line: Line, chunk: Buffer) => boolean;
}

export async function openCable(redis: RedisServer, { bytesPerS }: CableOptions = {}): Promise<Cable> {
  const lines = new Set<Line>();
  const held = new Set<Socket>();
  let trap: Trap | undefined;
  let opening: Promise<unknown> = Promise.resolve();
  let connections = 0;
  let delayMs = 0;

  function end({ near, far }: Line): void {
    near.destroy();
    far.destroy();
  }

  function loseReply(line: Line): void {
    line.far.unpipe();
    line.far.once('data', () => end(line)).resume();
  }

  /** Returns whether the bytes are passed on to Redis. */
  function read(line: Line, chunk: Buffer): boolean {
    line.purpose ??= /asynq:(\w+):/.exec(chunk.toString('latin1'))?.[1]; // the client's name
    if (!trap || line.purpose !== trap.purpose || !chunk.includes(trap.text)) return true;
    const { spring } = trap;
    trap = undefined;
    return spring(line, chunk);
  }

  const server = createServer((near) => {
    connections++;
    const line: Line = { near, far: connect(redis.port, redis.host), purpose: undefined, isSevered: false };
    lines.add(line);
    for (const socket of [line.near, line.far]) {
      socket
        .on('error', () => undefined)
        .on('close', () => {
          lines.delete(line);
          if (!line.isSevered) end(line); // Redis or the client closed the connection
        });
    }
    const gate = new Transform({
      transform: (chunk: Buffer, _encoding, done) => (read(line, chunk) ? done(null, chunk) : done()),
    });
    void opening.then(() => near.pipe(gate).pipe(line.far));
    line.far
      .pipe(throttle(bytesPerS))
      .pipe(late(() => delayMs))
      .pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    pull(purpose) {
      for (const line of lines) {
        if (purpose !== undefined && line.purpose !== purpose) continue;
        line.isSevered = true;
        for (const socket of [line.near, line.far]) socket.unpipe().pause();
      }
    },
    cut() {
      for (const line of lines) end(line);
    },
    delay(ms) {
      delayMs = ms;
    },
    loseReplies() {
      for (const line of lines) loseReply(line);
    },
    hang(until) {
      opening = until;
    },
    cutAt: (purpose, text) =>
      new Promise((resolve) => {
        const spring = (line: Line): boolean => {
          end(line);
          resolve();
          return false;
        };
        trap = { purpose, text, spring };
      }),
    loseReply(purpose, text, until) {
      const spring = (line: Line): boolean => {
        opening = until;
        loseReply(line);
        return true;
      };
      trap = { purpose, text, spring };
    },
    hold: (purpose, text) =>
      new Promise((resolve) => {
        const spring = (line: Line, chunk: Buffer): boolean => {
          const { near, far } = line;
          line.isSevered = true;
          held.add(far);
          far.unpipe().resume();
          near.unpipe().destroy();
          resolve(() => void far.write(chunk));
          return false;
        };
        trap = { purpose, text, spring };
      }),
    async [Symbol.asyncDispose]() {
      for (const far of held) far.destroy();
      for (const line of lines) end(line);
      server.close();
      await once(server, 'close');
    },
  };
}

/** Limits the bytes per second. */
function throttle(bytesPerS: number | undefined): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (bytesPerS === undefined) done(null, chunk);
      else setTimeout(() => done(null, chunk), (chunk.length / bytesPerS) * 1_000);
    },
  });
}

/** Delays each chunk; the order is kept. */
function late(delayMs: () => number): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (delayMs() === 0) done(null, chunk);
      else setTimeout(() => done(null, chunk), delayMs());
    },
  });
}
