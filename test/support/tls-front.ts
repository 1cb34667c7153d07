import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import type { RedisServer } from './redis-server.js';

const run = promisify(execFile);

/** TLS in front of a Redis server, with a certificate for `redis.example` that only the CA in `caFile` vouches for. */
export interface TlsFront extends AsyncDisposable {
  readonly address: string;
  readonly caFile: string;
}

export async function openTlsFront(redis: RedisServer): Promise<TlsFront> {
  const dir = await mkdtemp(join(tmpdir(), 'nestjs-asynq-tls-'));
  const openssl = (...args: readonly string[]) => run('openssl', [...args], { cwd: dir });
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=Test CA');
  await openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=redis.example');
  await writeFile(join(dir, 'names'), 'subjectAltName=DNS:redis.example');
  const ca = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
  await openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.crt', ...ca);

  const options = { key: await readFile(join(dir, 'server.key')), cert: await readFile(join(dir, 'server.crt')) };
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
    caFile: join(dir, 'ca.crt'),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
