import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import type { RedisServer } from './redis-server.js';

/** The way to a Redis server, as a proxy on a port of its own. */
export interface Cable extends AsyncDisposable {
  readonly url: string;
  /** Connections made through it so far. */
  readonly connections: number;
  /**
   * The connections of now fall silent for good, without an end that anybody could see; or only those of a purpose, such as
   * `watch`. Later ones work.
   */
  pull(purpose?: string): void;
  /** Ends a connection of a purpose when it sends a text, before Redis reads it; once. Resolves when it has happened. */
  cutAt(purpose: string, text: string): Promise<void>;
}

export interface CableOptions {
  /** How many bytes a second come back from Redis; as many as the machine can when left out. */
  readonly bytesPerS?: number | undefined;
}

interface Line {
  readonly near: Socket;
  readonly far: Socket;
  purpose: string | undefined;
}

interface Cut {
  readonly purpose: string;
  readonly text: string;
  readonly resolve: () => void;
}

export async function openCable(redis: RedisServer, { bytesPerS }: CableOptions = {}): Promise<Cable> {
  const lines = new Set<Line>();
  let cut: Cut | undefined;
  let connections = 0;

  function read(line: Line, chunk: Buffer): void {
    line.purpose ??= /asynq:(\w+):/.exec(chunk.toString('latin1'))?.[1]; // the name that a client gives itself
    if (!cut || line.purpose !== cut.purpose || !chunk.includes(cut.text)) return;
    cut.resolve();
    cut = undefined;
    line.near.destroy();
    line.far.destroy();
  }

  const server = createServer((near) => {
    connections++;
    const line: Line = { near, far: connect(redis.port, redis.host), purpose: undefined };
    lines.add(line);
    for (const end of [line.near, line.far]) end.on('error', () => undefined).on('close', () => lines.delete(line));
    near.on('data', (chunk: Buffer) => read(line, chunk));
    near.pipe(line.far);
    line.far.pipe(throttle(bytesPerS)).pipe(near);
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
        for (const end of [line.near, line.far]) end.unpipe().pause();
      }
    },
    cutAt: (purpose, text) => new Promise((resolve) => (cut = { purpose, text, resolve })),
    async [Symbol.asyncDispose]() {
      for (const { near, far } of lines) for (const end of [near, far]) end.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Lets so many bytes a second through. */
function throttle(bytesPerS: number | undefined): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (bytesPerS === undefined) done(null, chunk);
      else setTimeout(() => done(null, chunk), (chunk.length / bytesPerS) * 1_000);
    },
  });
}
