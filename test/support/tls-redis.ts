import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueCertificate } from './certificate.js';
import { drawPorts, PORTS } from './free-port.js';
import { type RedisServer, startRedis } from './redis-server.js';

/** A Redis server that also talks TLS, on a port of its own. */
export interface TlsRedis extends AsyncDisposable {
  readonly server: RedisServer;
  readonly tlsPort: number;
  /** The CA that alone vouches for the server's certificate, in PEM form. */
  readonly ca: string;
  /** What tells a server of Redis to talk TLS with the same certificate. */
  readonly tlsArgs: readonly string[];
}

/** What servers log that were built without TLS: Redis 6, and later ones. */
const WITHOUT_TLS = /'tls-port|Failed finding TLS support/;

/** @returns `undefined` when the server was built without TLS */
export async function startTlsRedis(): Promise<TlsRedis | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'nestjs-asynq-tls-'));
  const removeDir = (): Promise<void> => rm(dir, { recursive: true, force: true });
  try {
    const { keyFile, certFile, caFile } = await issueCertificate(dir, 'IP:127.0.0.1');
    const [tlsPort] = (await drawPorts(1, PORTS.tls)) as [number];
    const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', caFile];
    const tlsArgs = [...files, '--tls-auth-clients', 'no'];
    const server = await startRedis({ args: ['--tls-port', String(tlsPort), ...tlsArgs] });
    const ca = await readFile(caFile, 'utf8');
    return { server, tlsPort, ca, tlsArgs, [Symbol.asyncDispose]: () => server.stop().then(removeDir) };
  } catch (error) {
    await removeDir();
    if (WITHOUT_TLS.test(String(error))) return undefined;
    throw error;
  }
}
