import { parseArgs } from 'node:util';
import { LaunchError } from './launch.error.js';

export const DEFAULT_PORT = 7000;
/** The cluster bus of a node uses its port + 10,000; the last of the six nodes has the port + 5. */
const MAX_PORT = 65_535 - 10_000 - 5;

export const HELP = `Starts a Redis Cluster of six nodes, runs client and worker, and stops it all.

  npm run quickstart                 on the ports 7000 to 7005
  npm run quickstart -- --port N     on the ports N to N + 5
  npm run quickstart -- --keep       leave the cluster running
  npm run quickstart -- --stop       stop a cluster that was left running`;

export interface LaunchOptions {
  readonly action: 'run' | 'stop' | 'help';
  readonly keep: boolean;
  /** Of the six nodes; the first three become masters. */
  readonly ports: readonly number[];
}

/** @throws {LaunchError} an option is unknown, or its value is invalid */
export function readOptions(args: readonly string[]): LaunchOptions {
  const { port, keep, stop, help } = parse(args);
  const first = port === undefined ? DEFAULT_PORT : Number(/^\d{1,5}$/.exec(port)?.[0]);
  if (!(first >= 1 && first <= MAX_PORT)) {
    throw new LaunchError(`--port is "${port}": it must be a whole number from 1 to ${MAX_PORT}`);
  }
  if (keep && stop) throw new LaunchError('--keep and --stop exclude each other');
  return {
    action: help ? 'help' : stop ? 'stop' : 'run',
    keep,
    ports: Array.from({ length: 6 }, (_, index) => first + index),
  };
}

function parse(args: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const;
  try {
    const options = { port: { type: 'string' }, keep: flag, stop: flag, help: { ...flag, short: 'h' } } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    const [problem] = (error as Error).message.split(/\. |\n/);
    throw new LaunchError(`${problem}; the options are --keep, --stop and --port N`);
  }
}
