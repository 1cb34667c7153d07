import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { RedisServer } from './redis-server.js';

/** The way to a Redis server, as a proxy on a port of its own. */
export interface Cable extends AsyncDisposable {
  readonly url: string;
  /** Connections made through it so far. */
  readonly connections: number;
  /** The connections of now fall silent for good, without an end that anybody could see. Later ones work. */
  pull(): void;
}

export async function openCable(redis: RedisServer): Promise<Cable> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    const behind = connect(redis.port, redis.host);
    for (const end of [socket, behind]) {
      sockets.add(end);
      end.on('error', () => undefined).on('close', () => sockets.delete(end));
    }
    socket.pipe(behind).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    pull() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
