import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { LaunchError } from './launch.error.js';
import { nodeConfig } from './node-config.js';
import type { NodeSource, RedisNodes } from './redis-nodes.js';

const PROGRAMS = ['redis-server', 'valkey-server'];
/** Version 6.2, the oldest that the library supports. */
const MIN_VERSION = 602;
/** Time limit for a node of an earlier run to answer. */
const ANSWER_TIMEOUT_MS = 2_000;

/** Servers from the PATH, each a process with its own folder. */
export const localNodes: NodeSource = {
  find(ports) {
    for (const program of PROGRAMS) {
      const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
      const [, version, major, minor] = /\bv=((\d+)\.(\d+)\S*)/.exec(stdout ?? '') ?? [];
      if (Number(major) * 100 + Number(minor) >= MIN_VERSION) return new LocalNodes(ports, program, version!);
    }
    return undefined;
  },

  hasLeftovers: (ports) => existsSync(folderOf(ports)),

  async stopLeftovers(ports) {
    const folder = folderOf(ports);
    if (!existsSync(folder)) return false;
    await Promise.all(ports.map((port) => killLeftover(port, join(realpathSync(folder), String(port)))));
    removeFolder(folder);
    return true;
  },
};

class LocalNodes implements RedisNodes {
  readonly program: string;
  readonly neededPorts: readonly number[];
  readonly hint: string;
  private readonly folder: string;
  private readonly children: ChildProcess[] = [];

  constructor(
    private readonly ports: readonly number[],
    private readonly command: string,
    version: string,
  ) {
    this.program = `${command} ${version}`;
    // The second half is the cluster bus, where the nodes discover each other.
    this.neededPorts = [...ports, ...ports.map((port) => port + 10_000)];
    this.folder = folderOf(ports);
    this.hint = `The nodes keep redis.conf, log and data in ${this.folder}`;
  }

  async start(): Promise<void> {
    // The ports are free: these files belong to nodes that have ended.
    removeFolder(this.folder);
    mkdirSync(this.folder, { mode: 0o700 });
    for (const port of this.ports) this.children.push(this.startNode(port));
  }

  failure(): Promise<never> {
    const failures = this.children.map(async (child, index) => {
      await once(child, 'exit');
      const port = this.ports[index]!;
      throw new LaunchError(`${this.command} on port ${port} ended: ${lastLine(this.logOf(port))}`);
    });
    return Promise.race(failures);
  }

  async stop(): Promise<void> {
    const running = this.children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const exits = running.map((child) => once(child, 'exit'));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(exits);
    removeFolder(this.folder);
  }

  private startNode(port: number): ChildProcess {
    const folder = join(this.folder, String(port));
    mkdirSync(folder);
    writeFileSync(join(folder, 'redis.conf'), nodeConfig(port, 'bind 127.0.0.1'));
    const log = openSync(this.logOf(port), 'a');
    // In a separate process group: Ctrl-C only reaches the launcher, which stops the nodes last.
    const child = spawn(this.command, ['redis.conf'], { cwd: folder, detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    return child;
  }

  private logOf(port: number): string {
    return join(this.folder, String(port), 'redis.log');
  }
}

/** Kills the server on this port if it uses this folder, and waits until it has ended. */
async function killLeftover(port: number, folder: string): Promise<void> {
  const node = new Redis(port, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: ANSWER_TIMEOUT_MS,
    commandTimeout: ANSWER_TIMEOUT_MS,
  });
  node.on('error', () => undefined);
  try {
    await node.connect();
    const [, workingFolder] = await node.config('GET', 'dir');
    if (workingFolder !== folder) return;
    const [, pid] = /^process_id:(\d+)/m.exec(await node.info('server')) ?? [];
    const ended = once(node, 'end');
    process.kill(Number(pid), 'SIGKILL');
    await ended;
  } catch {
    // No server listens there any more, or it is not ours.
  } finally {
    node.disconnect();
  }
}

/** The same for each run on these ports, so that a later run finds the leftovers of this one. */
function folderOf(ports: readonly number[]): string {
  return join(tmpdir(), `asynq-quickstart-${ports[0]}`);
}

function removeFolder(folder: string): void {
  // A killed server may still be writing a file.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function lastLine(file: string): string {
  if (!existsSync(file)) return 'it wrote no log';
  return readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) || 'its log is empty';
}
