import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { drawPorts } from '../support/free-port.js';
import { OrphanCleanup } from '../support/orphan-cleanup.js';

/** Folder with PostgreSQL's programs; `undefined` when it is not installed. */
export const postgresPrograms = findPrograms();

/** Apart from the ports of the Redis servers that other tests start. */
const PORTS = { from: 21_000, to: 23_000, alsoFree: [] };

export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
}

/** An empty PostgreSQL of a test's own, gone with the test process at the latest. */
export async function startPostgres(): Promise<PostgresServer> {
  const user = unprivilegedUser();
  const dir = mkdtempSync(join(tmpdir(), 'members-postgres-'));
  if (user) chownSync(dir, user.uid, user.gid);
  const initdb = [`--pgdata=${dir}/data`, '--username=members', '--auth=trust', '--no-sync'];
  execFileSync(join(postgresPrograms!, 'initdb'), initdb, { ...user, cwd: dir, stdio: 'ignore' });

  const [port] = await drawPorts(1, PORTS);
  const args = [
    '-D',
    `${dir}/data`,
    '-p',
    String(port),
    '-k',
    dir,
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    'fsync=off',
  ];
  const server = spawn(join(postgresPrograms!, 'postgres'), args, {
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
    async [Symbol.asyncDispose]() {
      server.kill('SIGINT');
      await exited;
      rmSync(dir, { recursive: true });
      cleanup[Symbol.dispose]();
    },
  };
}

function findPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, 'bin')) : [];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...versions];
  return folders.find((folder) => ['initdb', 'postgres'].every((program) => existsSync(join(folder, program))));
}

/** PostgreSQL refuses to run as root. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const read = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: read('-u'), gid: read('-g') };
}
