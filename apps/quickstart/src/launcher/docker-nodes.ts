import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { LaunchError } from './launch.error.js';
import { nodeConfig } from './node-config.js';
import type { NodeSource, RedisNodes } from './redis-nodes.js';

const DEFAULT_IMAGE = 'redis:7';
/** Time limit of the check whether Docker runs. */
const ANSWER_TIMEOUT_MS = 10_000;
const LOG_LINES_SHOWN = '3';

/** Runs in the container. Its arguments are, for each node, the port and the text of `redis.conf`. */
const START_NODES = `
server=$(command -v valkey-server || command -v redis-server) || exit 127
while [ $# -gt 0 ]; do
  mkdir -p "/tmp/$1" && cd "/tmp/$1" && printf %s "$2" > redis.conf || exit 1
  "$server" redis.conf &
  shift 2
done
wait`;

const run = promisify(execFile);

/** Servers in one container, so that both the nodes and users reach them on 127.0.0.1. */
export const dockerNodes: NodeSource = {
  find: (ports) => (isDockerUp() ? new DockerNodes(ports) : undefined),

  hasLeftovers: (ports) => isDockerUp() && succeeds('docker', ['container', 'inspect', containerOf(ports)]),

  async stopLeftovers(ports) {
    if (!dockerNodes.hasLeftovers(ports)) return false;
    await removeContainer(containerOf(ports));
    return true;
  },
};

class DockerNodes implements RedisNodes {
  readonly program: string;
  readonly neededPorts: readonly number[];
  readonly hint: string;
  private readonly image = process.env['REDIS_IMAGE'] || DEFAULT_IMAGE;
  private readonly container: string;
  private readonly stopping = new AbortController();
  private launching: Promise<unknown> = Promise.resolve();

  constructor(private readonly ports: readonly number[]) {
    this.program = `${this.image} in Docker`;
    this.neededPorts = ports;
    this.container = containerOf(ports);
    this.hint = `The nodes run in the container ${this.container}: docker exec -it ${this.container} redis-cli -p ${ports[0]}`;
  }

  async start(): Promise<void> {
    const launching = this.launch();
    this.launching = launching.catch(() => undefined);
    await launching;
  }

  async failure(): Promise<never> {
    // Returns when the container has ended.
    await run('docker', ['wait', this.container], { signal: this.stopping.signal });
    const { stdout } = await run('docker', ['logs', '--tail', LOG_LINES_SHOWN, this.container]);
    throw new LaunchError(`the container ${this.container} ended: ${stdout.trim()}`);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    // Docker may still be creating the container.
    await this.launching;
    await removeContainer(this.container);
  }

  private async launch(): Promise<void> {
    await this.fetchImage();
    await removeContainer(this.container);
    const first = this.ports[0]!;
    const range = `${first}-${this.ports.at(-1)!}`;
    // They listen on all addresses of the container; the machine publishes them only on 127.0.0.1.
    const nodes = this.ports.flatMap((port) => [String(port), nodeConfig(port, 'protected-mode no')]);
    const options = ['-d', '--name', this.container, '-p', `127.0.0.1:${range}:${range}`, '--entrypoint', 'sh'];
    this.stopping.signal.throwIfAborted();
    await docker(['run', ...options, this.image, '-c', START_NODES, 'sh', ...nodes]);
  }

  /** Docker shows the progress. */
  private async fetchImage(): Promise<void> {
    if (succeeds('docker', ['image', 'inspect', this.image])) return;
    const pull = spawn('docker', ['pull', this.image], { stdio: 'inherit', signal: this.stopping.signal });
    const [code] = (await once(pull, 'exit')) as [number | null];
    if (code !== 0) throw new LaunchError(`Docker has no image ${this.image}, and could not fetch it`);
  }
}

/** @throws {LaunchError} with Docker's message */
async function docker(args: readonly string[]): Promise<void> {
  try {
    await run('docker', [...args]);
  } catch (error) {
    const { stderr = String(error) } = error as { stderr?: string };
    throw new LaunchError(`docker ${args[0]} failed: ${stderr.trim().split('\n')[0]}`);
  }
}

/** No effect if there is none. */
async function removeContainer(name: string): Promise<void> {
  if (succeeds('docker', ['container', 'inspect', name])) await docker(['rm', '--force', '--volumes', name]);
}

/** The same for each run on these ports, so that a later run finds the leftovers of this one. */
function containerOf(ports: readonly number[]): string {
  return `asynq-quickstart-${ports[0]}`;
}

function isDockerUp(): boolean {
  return succeeds('docker', ['version', '--format', '{{.Server.Version}}']);
}

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: ANSWER_TIMEOUT_MS }).status === 0;
}
