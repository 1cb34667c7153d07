import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { drawPorts, PORTS } from './free-port.js';
import { OrphanCleanup } from './orphan-cleanup.js';

export interface PostgresProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

/** Folder with PostgreSQL's programs; `undefined` when it is not installed. */
export function findPostgres(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, 'bin')) : [];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...versions];
  return folders.find((folder) => ['initdb', 'postgres'].every((program) => existsSync(join(folder, program))));
}

/**
 * An empty PostgreSQL whose owner is `members`, removed with this process at the latest. It does not flush to the disk.
 */
export async function startPostgresIn(
  folder: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresProcess> {
  const user = unprivilegedUser();
  const dir = mkdtempSync(join(tmpdir(), 'members-postgres-'));
  if (user) chownSync(dir, user.uid, user.gid);
  const initdb = [`--pgdata=${dir}/data`, '--username=members', '--auth=trust', '--no-sync'];
  execFileSync(join(folder, 'initdb'), initdb, { ...user, cwd: dir, stdio: 'ignore' });

  const [port] = await drawPorts(1, PORTS.postgres);
  const all = { listen_addresses: '127.0.0.1', fsync: 'off', ...settings };
  const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(join(folder, 'postgres'), ['-D', `${dir}/data`, '-p', String(port), '-k', dir, ...args], {
    ...user,
    cwd: dir,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const cleanup = new OrphanCleanup(`kill -INT ${server.pid}; rm -rf ${dir}`);
  const exited = once(server, 'exit');
  await new Promise<void>((resolve) => {
    createInterface(server.stderr).on('line', (line) => line.includes('ready to accept connections') && resolve());
  });

  return {
    url: `postgres://members@127.0.0.1:${port}/postgres`,
    pid: server.pid!,
    async [Symbol.asyncDispose]() {
      server.kill('SIGINT');
      await exited;
      rmSync(dir, { recursive: true });
      cleanup[Symbol.dispose]();
    },
  };
}

/** PostgreSQL refuses to run as root. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const read = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: read('-u'), gid: read('-g') };
}
