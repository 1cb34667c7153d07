import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Fetched when Docker is the only way to a server and no image is at hand. */
const DEFAULT_IMAGE = 'redis:7-alpine';

/** A place where the servers of one group run and reach each other on 127.0.0.1. */
export interface RedisHost {
  /** Starts a server with these arguments; the child ends with it. `dir` is its working folder. */
  launch(args: readonly string[], dir: string): RedisProcess;
  /** Shell command that removes what `close` would remove. */
  readonly orphanCommand: string;
  close(): Promise<void>;
}

export interface RedisProcess {
  readonly child: ChildProcess;
  /** Shell command that kills it. */
  readonly orphanCommand: string;
  /** SIGKILL, to the server itself. */
  kill(): Promise<void>;
  /** SIGSTOP: its connections stay open without replies. */
  freeze(): Promise<void>;
  /** SIGCONT. */
  thaw(): Promise<void>;
}

/** How to run a Redis server on this machine. */
export interface RedisLauncher {
  /** Environment that makes `findLauncher` find the same in a child process. */
  readonly env: Readonly<Record<string, string>>;
  openHost(ports: readonly number[]): Promise<RedisHost>;
}

/**
 * `REDIS_SERVER_BIN`, `redis-server` or `valkey-server` on the PATH, `REDIS_IMAGE` or any local image of Redis or
 * Valkey in Docker; `undefined` when none is there.
 */
export function findLauncher(): RedisLauncher | undefined {
  return (known ??= lookForLauncher());
}

/** Looking for it starts a process. */
let known: RedisLauncher | undefined;

function lookForLauncher(): RedisLauncher | undefined {
  const binary = findBinary();
  if (binary !== undefined) return binaryLauncher(binary);
  const image = process.env['REDIS_IMAGE'] ?? findImage();
  return image === undefined ? undefined : dockerLauncher(image);
}

/**
 * Like {@link findLauncher}, but fetches a server when there is none: an image if Docker runs, otherwise the
 * distribution's package on Debian and Ubuntu as root.
 * @throws {Error} one line with what to install
 */
export function installLauncher(): RedisLauncher {
  const found = findLauncher();
  if (found !== undefined) return found;
  if (succeeds('docker', ['pull', '--quiet', DEFAULT_IMAGE])) return dockerLauncher(DEFAULT_IMAGE);
  if (process.getuid?.() === 0 && succeeds('apt-get', ['--version'])) installPackage();
  const installed = findBinary();
  if (installed === undefined) {
    throw new Error('No Redis for the tests: put redis-server or valkey-server on the PATH, or start Docker.');
  }
  return binaryLauncher(installed);
}

function findBinary(): string | undefined {
  const candidates = [process.env['REDIS_SERVER_BIN'], 'redis-server', 'valkey-server'];
  return candidates.find((name) => name !== undefined && succeeds(name, ['--version']));
}

function findImage(): string | undefined {
  const listed = spawnSync('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}'], { encoding: 'utf8' });
  if (listed.status !== 0) return undefined;
  return listed.stdout.split('\n').find((name) => /(^|\/)(redis|valkey):(?!<none>)/.test(name));
}

function installPackage(): void {
  console.error('No redis-server found: installing the package of the distribution.');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env });
  const args = ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'];
  spawnSync('apt-get', args, { stdio: 'ignore', env });
  // The package starts a server of its own on some machines; the tests need only the program.
  spawnSync('service', ['redis-server', 'stop'], { stdio: 'ignore' });
}

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function binaryLauncher(binary: string): RedisLauncher {
  return {
    env: { REDIS_SERVER_BIN: binary },
    openHost: () =>
      Promise.resolve({
        launch(args, dir) {
          const child = spawn(binary, [...args, '--bind', '127.0.0.1', '--dir', dir], {
            cwd: dir,
            stdio: ['ignore', 'pipe', 'pipe'],
          });
          const send = (signal: NodeJS.Signals) => (): Promise<void> => Promise.resolve(void child.kill(signal));
          const [kill, freeze, thaw] = [send('SIGKILL'), send('SIGSTOP'), send('SIGCONT')];
          return { child, kill, freeze, thaw, orphanCommand: `kill -9 ${child.pid ?? ''}` };
        },
        orphanCommand: ':',
        close: () => Promise.resolve(),
      }),
  };
}

/**
 * The servers of a group share the network of one idle container, so that a cluster's nodes reach each other on
 * 127.0.0.1.
 */
function dockerLauncher(image: string): RedisLauncher {
  const program = image.includes('valkey') ? 'valkey-server' : 'redis-server';
  const user = ['--user', `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`];
  return {
    env: { REDIS_IMAGE: image },
    async openHost(ports) {
      const host = `nestjs-asynq-${randomUUID()}`;
      const published = ports.flatMap((port) => ['-p', `127.0.0.1:${port}:${port}`]);
      await run('docker', ['run', '-d', '--rm', '--init', '--name', host, ...published, image, 'sleep', '86400']);
      return {
        launch(args, dir) {
          const name = `${host}-${randomUUID()}`;
          const where = ['--name', name, '--network', `container:${host}`, ...user, '-v', `${dir}:${dir}`, '-w', dir];
          const command = [program, ...args, '--protected-mode', 'no', '--dir', dir];
          const child = spawn('docker', ['run', '--rm', ...where, image, ...command], {
            stdio: ['ignore', 'pipe', 'pipe'],
          });
          const tell = (word: string) => async (): Promise<void> => void (await run('docker', [word, name]));
          const [kill, freeze, thaw] = [tell('kill'), tell('pause'), tell('unpause')];
          return { child, kill, freeze, thaw, orphanCommand: `docker rm -f ${name}` };
        },
        orphanCommand: `docker rm -f ${host}`,
        close: async () => void (await run('docker', ['rm', '-f', host])),
      };
    },
  };
}
