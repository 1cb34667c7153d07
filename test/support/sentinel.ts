import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { drawPorts, PORTS } from './free-port.js';
import { OrphanCleanup } from './orphan-cleanup.js';
import { findLauncher } from './redis-launcher.js';
import type { RedisServer } from './redis-server.js';

export interface Sentinel extends AsyncDisposable {
  readonly port: number;
  /** Resolves once it has logged a line with this text, now or before. */
  logged(text: string): Promise<void>;
}

export interface SentinelOptions {
  /** How long a master may be silent before a replica takes over, ms. Default: 30,000, as in Redis. */
  readonly downAfterMs?: number | undefined;
  /** Talks TLS only, with clients and the master, by these arguments of Redis. Default: plain TCP. */
  readonly tlsArgs?: readonly string[] | undefined;
}

/** Starts a sentinel with a password of its own that watches a server under the name `main`. */
export async function startSentinel(
  master: Pick<RedisServer, 'host' | 'port'>,
  password: string,
  { downAfterMs = 30_000, tlsArgs }: SentinelOptions = {},
): Promise<Sentinel> {
  const launcher = findLauncher();
  if (!launcher) throw new Error('no Redis found; the test project lacks redis.global-setup.ts');
  const dir = await mkdtemp(join(tmpdir(), 'nestjs-asynq-sentinel-'));
  const config = join(dir, 'sentinel.conf'); // a sentinel must be able to write its own
  const lines = [
    `sentinel monitor main ${master.host} ${master.port} 1`,
    `sentinel down-after-milliseconds main ${downAfterMs}`,
    `sentinel failover-timeout main ${4 * downAfterMs}`,
    `requirepass ${password}`,
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  const [port] = (await drawPorts(1, PORTS.sentinel)) as [number];
  const host = await launcher.openHost([port]);
  const listen = tlsArgs
    ? ['--port', '0', '--tls-port', String(port), '--tls-replication', 'yes', ...tlsArgs]
    : ['--port', String(port)];
  const { child, kill, orphanCommand } = host.launch([config, '--sentinel', ...listen], dir);
  const cleanup = new OrphanCleanup(`${orphanCommand}; ${host.orphanCommand}; rm -rf '${dir}'`);
  const exited = once(child, 'exit');
  const seen: string[] = [];
  let onLine: () => void = () => undefined;
  createInterface(child.stdout!).on('line', (line) => {
    seen.push(line);
    onLine();
  });
  async function logged(text: string): Promise<void> {
    while (!seen.some((line) => line.includes(text))) await new Promise<void>((resolve) => (onLine = resolve));
  }
  await logged('+monitor master main');
  return {
    port,
    logged,
    async [Symbol.asyncDispose]() {
      await kill();
      await exited;
      await host.close();
      await rm(dir, { recursive: true, force: true });
      cleanup[Symbol.dispose]();
    },
  };
}
