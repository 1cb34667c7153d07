import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { issueCertificate } from './certificate.js';
import type { RedisServer } from './redis-server.js';

/** TLS in front of a Redis server, with a certificate for `redis.example` that only the CA in `caFile` vouches for. */
export interface TlsFront extends AsyncDisposable {
  readonly address: string;
  readonly caFile: string;
}

export async function openTlsFront(redis: RedisServer): Promise<TlsFront> {
  const dir = await mkdtemp(join(tmpdir(), 'nestjs-asynq-tls-'));
  const { keyFile, certFile, caFile } = await issueCertificate(dir, 'DNS:redis.example');
  const options = { key: await readFile(keyFile), cert: await readFile(certFile) };
  const sockets = new Set<TLSSocket>();
  const server = createServer(options, (socket) => {
    const behind = connect(redis.port, redis.host);
    sockets.add(socket);
    for (const end of [socket, behind]) end.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.pipe(behind).pipe(socket);
  });
  server.on('tlsClientError', () => undefined); // who does not trust the certificate hangs up
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    caFile,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
