import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AppProcess } from './launcher/app-process.js';
import { Cleanup } from './launcher/cleanup.js';
import { dockerNodes } from './launcher/docker-nodes.js';
import { formCluster } from './launcher/form-cluster.js';
import { LaunchError } from './launcher/launch.error.js';
import { localNodes } from './launcher/local-nodes.js';
import { DEFAULT_PORT, HELP, type LaunchOptions, readOptions } from './launcher/options.js';
import { portsInUse } from './launcher/ports.js';
import type { NodeSource, RedisNodes } from './launcher/redis-nodes.js';

// `npm run quickstart`: starts a cluster, runs client and worker on it, shows where the queues are, and stops everything.

/** The first way that is available on this machine. */
const SOURCES: readonly NodeSource[] = [localNodes, dockerNodes];
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CLIENT = 'dist/apps/quickstart/client.js';
const WORKER = 'dist/apps/quickstart/worker.js';
/** The built `asynq` command. */
const COMMAND = 'apps/cli/dist/main.js';
/** The variable that client, worker and command read. */
const ADDRESSES = 'ASYNQ_CLUSTER_ADDRS';
const TASK_TYPES = ['notifications:email', 'webhooks:sync', 'images:resize'];
/** Time limit for the cluster to form, and then for the worker to handle the tasks. */
const PATIENCE_MS = 30_000;
/** Signals that end the launcher, and the exit status for each. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** A signal stops the launcher. */
class Interruption extends Error {
  constructor(readonly exitCode: number) {
    super('interrupted');
  }
}

const cleanup = new Cleanup();
let exitCode = 0;
const closing = await runAction().catch((error: unknown) => void (exitCode = explainFailure(error)));
if (!(await cleanup.run())) exitCode ||= 1;
else if (closing) console.log(closing);
process.exit(exitCode);

/** @returns the last line to print */
async function runAction(): Promise<string> {
  const options = readOptions(process.argv.slice(2));
  if (options.action === 'help') return HELP;
  if (options.action === 'stop') return stopLeftovers(options);
  return Promise.race([runTutorial(options), interruption()]);
}

function explainFailure(error: unknown): number {
  if (error instanceof Interruption) return error.exitCode;
  // System errors have a code, and need no stack.
  const isExpected = error instanceof LaunchError || (error instanceof Error && 'code' in error);
  console.error(isExpected ? error.message : error);
  return 1;
}

async function runTutorial({ ports, keep }: LaunchOptions): Promise<string> {
  const nodes = findNodes(ports);
  await checkPorts(nodes, ports);

  console.log(`cluster  starts six nodes of ${nodes.program} on 127.0.0.1, ports ${rangeOf(ports)}`);
  const keepRunning = cleanup.add(() => nodes.stop());
  await nodes.start();
  await Promise.race([nodes.failure(), runApps(ports)]);

  if (!keep) return `\nEverything is stopped. "${command('--keep', ports)}" leaves the cluster up.`;
  keepRunning();
  return `\n${waysOn(nodes, ports)}`;
}

async function checkPorts(nodes: RedisNodes, ports: readonly number[]): Promise<void> {
  const inUse = await portsInUse(nodes.neededPorts);
  if (inUse.length === 0) return;
  const isOurs = SOURCES.some((source) => source.hasLeftovers(ports));
  const stop = isOurs ? `; an earlier run left a cluster there, which "${command('--stop', ports)}" stops` : '';
  throw new LaunchError(
    `ports in use: ${inUse.join(', ')}${stop}; "${command('--port N')}" takes the ports N to N + 5`,
  );
}

function findNodes(ports: readonly number[]): RedisNodes {
  for (const source of SOURCES) {
    const nodes = source.find(ports);
    if (nodes) return nodes;
  }
  throw new LaunchError('no Redis here: put redis-server or valkey-server (6.2 or later) on the PATH, or start Docker');
}

/** The steps of the tutorial that a reader runs by hand. */
async function runApps(ports: readonly number[]): Promise<void> {
  await inTime(formCluster(ports), 'the nodes did not form a cluster');
  console.log('cluster  is up: three masters, three replicas');

  const client = startApp(CLIENT, ports, (line) => console.log(`client   ${line}`));
  if ((await client.exit) !== 0) throw new LaunchError('the client failed');

  await inTime(untilHandled(ports), 'the worker did not handle every task');

  console.log('\n$ asynq queue ls --cluster');
  const list = startApp(COMMAND, ports, console.log, ['queue', 'ls', '--cluster']);
  if ((await list.exit) !== 0) throw new LaunchError('the command failed');
}

/** Starts the worker; resolves when it has handled a task of each type. */
async function untilHandled(ports: readonly number[]): Promise<void> {
  const missing = new Set(TASK_TYPES);
  await new Promise<void>((resolve, reject) => {
    const worker = startApp(WORKER, ports, (line) => {
      console.log(`worker   ${line}`);
      missing.delete(/^\S+(?=: )/.exec(line)?.[0] ?? '');
      if (missing.size === 0) resolve();
    });
    worker.exit.then(() => reject(new LaunchError('the worker ended too early')), reject);
  });
}

/** Starts a program that finds the cluster by its environment. */
function startApp(
  script: string,
  ports: readonly number[],
  onLine: (line: string) => void,
  args: readonly string[] = [],
): AppProcess {
  let app: AppProcess | undefined;
  cleanup.add(async () => app?.stop());
  app = new AppProcess(join(ROOT, script), { args, env: { ...process.env, [ADDRESSES]: addressesOf(ports) }, onLine });
  return app;
}

async function inTime<T>(work: Promise<T>, failure: string): Promise<T> {
  const timeout = delay(PATIENCE_MS).then(() => {
    throw new LaunchError(`${failure} within ${PATIENCE_MS / 1000} s`);
  });
  return Promise.race([work, timeout]);
}

/** Rejects on a signal, or when the output is closed. */
function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const [signal, status] of Object.entries(SIGNALS)) process.on(signal, () => reject(new Interruption(status)));
    process.stdout.on('error', () => reject(new Interruption(1)));
  });
}

async function stopLeftovers({ ports }: LaunchOptions): Promise<string> {
  let isStopped = false;
  for (const source of SOURCES) isStopped = (await source.stopLeftovers(ports)) || isStopped;
  return `${isStopped ? 'stopped the cluster' : 'there is no cluster to stop'} on the ports ${rangeOf(ports)}`;
}

function waysOn({ hint }: RedisNodes, ports: readonly number[]): string {
  const isDefault = ports[0] === DEFAULT_PORT;
  return `The cluster stays up. Go on by hand:
${isDefault ? '' : `\n  export ${ADDRESSES}=${addressesOf(ports)}`}
  node ${WORKER}   # handles tasks until Ctrl-C
  node ${CLIENT}   # enqueues three more
  node ${COMMAND} queue ls --cluster
  ${command('--stop', ports)}

${hint}`;
}

/** The command that runs this program. */
function command(option: string, ports: readonly number[] = []): string {
  const [first = DEFAULT_PORT] = ports;
  return `npm run quickstart -- ${option}${first === DEFAULT_PORT ? '' : ` --port ${first}`}`;
}

function addressesOf(ports: readonly number[]): string {
  return ports.map((port) => `127.0.0.1:${port}`).join(',');
}

function rangeOf(ports: readonly number[]): string {
  return `${ports[0]} to ${ports.at(-1)}`;
}
