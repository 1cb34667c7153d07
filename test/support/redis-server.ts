import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { drawPorts, type PortRange, PORTS } from './free-port.js';
import { OrphanCleanup } from './orphan-cleanup.js';
import { findLauncher, type RedisProcess } from './redis-launcher.js';

export interface RedisServerOptions {
  /** Keep data in an append-only file that is written before each reply, so that `restart` loses nothing. Default off. */
  readonly appendOnly?: boolean | undefined;
  /** More configuration, as on the command line: `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[] | undefined;
}

const CLUSTER_SLOTS = 16_384;
/** A free port may be taken by another process before our server binds it; then we draw again. */
const START_ATTEMPTS = 5;
const LOG_LINES_KEPT = 100;
/** Between two questions to a server that is not ready yet. */
const PAUSE_MS = 10;

/** A Redis server of a test's own: empty at first, on a free port, gone with the test process at the latest. */
export class RedisServer implements AsyncDisposable {
  readonly host = '127.0.0.1';
  private process: RedisProcess | undefined;
  private exited: Promise<void> = Promise.resolve();
  private readonly log: string[] = [];
  private awaited: { readonly text: string; readonly resolve: () => void }[] = [];

  constructor(
    readonly port: number,
    /** Its working folder, removed when it stops. */
    readonly dir: string,
    private readonly launch: () => RedisProcess,
    private readonly stopGroup: () => Promise<void>,
  ) {}

  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  /** Starts it on the port and in the folder of before. Resolves when it takes connections. */
  async start(): Promise<void> {
    if (this.process) throw new Error(`Redis on port ${this.port} runs already`);
    const started = this.launch();
    const cleanup = new OrphanCleanup(started.orphanCommand);
    this.process = started;
    this.exited = new Promise<void>((resolve) => started.child.once('exit', resolve).once('error', resolve)).then(
      () => {
        this.process = undefined;
        cleanup[Symbol.dispose]();
      },
    );
    for (const stream of [started.child.stdout, started.child.stderr]) {
      if (stream) createInterface(stream).on('line', (line) => this.note(line));
    }
    await this.logged('Ready to accept connections');
  }

  /** SIGKILL, as in a crash. The folder stays for `start`. */
  async kill(): Promise<void> {
    await this.process?.kill();
    await this.exited;
  }

  /** It answers nothing from now on, and its connections do not end: as a machine that hangs. */
  async freeze(): Promise<void> {
    await this.process?.freeze();
  }

  /** Goes on after `freeze`, with what was sent to it meanwhile. */
  async thaw(): Promise<void> {
    await this.process?.thaw();
  }

  /** Kills it and starts it again; without `appendOnly` it comes back empty. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Kills it, all other nodes when it belongs to a cluster, and removes what they kept. Idempotent. */
  async stop(): Promise<void> {
    await this.stopGroup();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Resolves at the next line with `text` that the server logs; rejects with the log when it ends before. */
  async logged(text: string): Promise<void> {
    const ended = this.exited.then(() => {
      throw new Error(`Redis on port ${this.port} ended:\n${this.log.slice(-20).join('\n')}`);
    });
    await Promise.race([ended, new Promise<void>((resolve) => this.awaited.push({ text, resolve }))]);
  }

  private note(line: string): void {
    this.log.push(line);
    if (this.log.length > LOG_LINES_KEPT) this.log.shift();
    this.awaited = this.awaited.filter(({ text, resolve }) => {
      const isSeen = line.includes(text);
      if (isSeen) resolve();
      return !isSeen;
    });
  }
}

export interface ClusterOptions extends RedisServerOptions {
  /** Whether each master has a replica, which takes over when it dies. Default off. */
  readonly withReplicas?: boolean | undefined;
}

/** A Redis Cluster; all slots are covered. */
export class RedisCluster implements AsyncDisposable {
  /** @param nodes the masters of the start, in the order of their slots */
  constructor(
    readonly nodes: readonly RedisServer[],
    readonly replicas: readonly RedisServer[] = [],
  ) {}

  get all(): readonly RedisServer[] {
    return [...this.nodes, ...this.replicas];
  }

  /** A queue for each node, whose keys lie on it; `name` in front. */
  async queuePerNode(name: string): Promise<string[]> {
    const client = new Redis(this.nodes[0]!.url, { lazyConnect: true });
    const queues = new Map<number, string>();
    for (let number = 0; queues.size < this.nodes.length; number++) {
      const queue = `${name}-${number}`;
      const slot = await client.cluster('KEYSLOT', `{${queue}}`);
      queues.set(Math.floor((slot * this.nodes.length) / CLUSTER_SLOTS), queue);
    }
    client.disconnect();
    return this.nodes.map((_, index) => queues.get(index)!);
  }

  /** What ioredis' `Cluster` takes. */
  get addresses(): { host: string; port: number }[] {
    return this.all.map(({ host, port }) => ({ host, port }));
  }

  async kill(): Promise<void> {
    await Promise.all(this.all.map((node) => node.kill()));
  }

  /** Kills and starts all nodes; resolves when every slot is served again. */
  async restart(): Promise<void> {
    await this.kill();
    await Promise.all(this.all.flatMap((node) => [node.start(), node.logged(CLUSTER_UP)]));
  }

  async stop(): Promise<void> {
    await this.nodes[0]?.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Each node logs this once it knows a reachable master for every slot. */
const CLUSTER_UP = 'Cluster state changed: ok';

/** Starts one Redis server. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const [server] = await startServers(1, PORTS.redis, serverArgs(options));
  return server!;
}

/** Starts a replica of a server. Resolves when it has the data of its master and gets what is new. */
export async function startReplicaOf(master: RedisServer, options: RedisServerOptions = {}): Promise<RedisServer> {
  const client = new Redis(master.url);
  await client.config('SET', 'repl-diskless-sync-delay', '0');
  const args = ['--replicaof', master.host, String(master.port), ...(options.args ?? [])];
  const replica = await startRedis({ ...options, args });
  const isOnline = new RegExp(`port=${replica.port},state=online`);
  while (!isOnline.test(await client.info('replication'))) await delay(PAUSE_MS);
  client.disconnect();
  return replica;
}

/** Starts a Redis Cluster. */
export async function startCluster(
  masters = 3,
  { withReplicas = false, ...options }: ClusterOptions = {},
): Promise<RedisCluster> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', ...serverArgs(options)];
  const servers = await startServers(withReplicas ? 2 * masters : masters, PORTS.cluster, args);
  const cluster = new RedisCluster(servers.slice(0, masters), servers.slice(masters));
  try {
    await Promise.all([...cluster.nodes.map((node) => node.logged(CLUSTER_UP)), formCluster(cluster.nodes)]);
    await Promise.all(cluster.replicas.map((replica, index) => replicate(cluster.nodes[index]!, replica)));
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

function serverArgs({ appendOnly = false, args = [] }: RedisServerOptions): string[] {
  return appendOnly ? ['--appendonly', 'yes', '--appendfsync', 'always', ...args] : [...args];
}

/** Each node has as many slots as the others. */
const firstSlot = (index: number, nodes: number): number => Math.ceil((index * CLUSTER_SLOTS) / nodes);

async function formCluster(nodes: readonly RedisServer[]): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    const client = new Redis(node.url, { lazyConnect: true });
    const first = firstSlot(index, nodes.length);
    const end = firstSlot(index + 1, nodes.length);
    await client.cluster('ADDSLOTS', ...Array.from({ length: end - first }, (_, offset) => first + offset));
    // Distinct epochs from the start: otherwise the nodes settle who owns what by collision, which takes seconds.
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
    for (const other of nodes.slice(0, index)) await client.call('CLUSTER', 'MEET', other.host, String(other.port));
    client.disconnect();
  }
}

/** Makes a new node of a cluster a replica. Resolves when it has the data of its master. */
async function replicate(master: RedisServer, replica: RedisServer): Promise<void> {
  const [of, client] = [new Redis(master.url), new Redis(replica.url)];
  await of.config('SET', 'repl-diskless-sync-delay', '0');
  await client.call('CLUSTER', 'MEET', master.host, String(master.port));
  const id = String(await of.call('CLUSTER', 'MYID'));
  while (!String(await client.cluster('NODES')).includes(id)) await delay(PAUSE_MS);
  await client.call('CLUSTER', 'REPLICATE', id);
  while (!(await client.info('replication')).includes('master_link_status:up')) await delay(PAUSE_MS);
  of.disconnect();
  client.disconnect();
}

async function startServers(count: number, range: PortRange, args: readonly string[]): Promise<RedisServer[]> {
  for (let attempt = 1; ; attempt++) {
    const servers = await openGroup(await drawPorts(count, range), args);
    try {
      await Promise.all(servers.map((server) => server.start()));
      return servers;
    } catch (error) {
      await servers[0]?.stop();
      if (attempt === START_ATTEMPTS || !String(error).includes('Address already in use')) throw error;
    }
  }
}

/** Servers, not started yet, that share a host, a folder and their end. */
async function openGroup(ports: readonly number[], args: readonly string[]): Promise<RedisServer[]> {
  const launcher = findLauncher();
  if (!launcher) throw new Error('no Redis found; the test project lacks redis.global-setup.ts');
  const root = await mkdtemp(join(tmpdir(), 'nestjs-asynq-redis-'));
  const host = await launcher.openHost(ports);
  const cleanup = new OrphanCleanup(`${host.orphanCommand}; rm -rf '${root}'`);

  const end = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.kill()));
    await host.close();
    await rm(root, { recursive: true, force: true });
    cleanup[Symbol.dispose]();
  };
  let ending: Promise<void> | undefined;
  const stop = (): Promise<void> => (ending ??= end());
  const servers = await Promise.all(
    ports.map(async (port) => {
      const dir = join(root, String(port));
      await mkdir(dir);
      const launch = (): RedisProcess => host.launch(['--port', String(port), '--save', '', ...args], dir);
      return new RedisServer(port, dir, launch, stop);
    }),
  );
  return servers;
}
