import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

const SLOTS = 16_384;
const MASTERS = 3;
/** The masters of the fourth, fifth and sixth node, paired as by `redis-cli --cluster create`. */
const MASTER_OF_REPLICA = [2, 0, 1];
const RETRY_DELAY_MS = 100;

/**
 * Forms a cluster of six empty nodes on 127.0.0.1: the first three share the slots, each of the others replicates one
 * of them. Waits for nodes that are not up yet, and until each node knows the roles of all others.
 */
export async function formCluster(ports: readonly number[]): Promise<void> {
  const nodes = ports.map((port) => {
    const node = new Redis(port, { maxRetriesPerRequest: null, retryStrategy: () => RETRY_DELAY_MS });
    return node.on('error', () => undefined); // not up yet
  });
  try {
    const ids = await Promise.all(nodes.map((node) => node.cluster('MYID')));
    await Promise.all(nodes.slice(0, MASTERS).map((node, index) => node.cluster('ADDSLOTS', ...slotsOf(index))));
    // Distinct from the start: otherwise the nodes have to resolve conflicts about slots.
    await Promise.all(nodes.map((node, index) => node.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))));
    await Promise.all(nodes.flatMap((node, index) => ports.slice(0, index).map((port) => meet(node, port))));
    await Promise.all(
      nodes.slice(MASTERS).map((node, index) => {
        const masterId = ids[MASTER_OF_REPLICA[index]!]!;
        // Refused until the two have met.
        return until(() =>
          node.cluster('REPLICATE', masterId).then(
            () => true,
            () => false,
          ),
        );
      }),
    );
    await Promise.all(nodes.map((node) => until(() => knowsAll(node))));
  } finally {
    for (const node of nodes) node.disconnect();
  }
}

/** In equal ranges: 0 to 5460, 5461 to 10922, 10923 to 16383. */
function slotsOf(master: number): number[] {
  const [start, end] = [master, master + 1].map((index) => Math.round((index * SLOTS) / MASTERS)) as [number, number];
  return Array.from({ length: end - start }, (_, offset) => start + offset);
}

async function meet(node: Redis, port: number): Promise<void> {
  await node.call('CLUSTER', 'MEET', '127.0.0.1', String(port));
}

/** A node lists a replica once it is in sync. */
async function knowsAll(node: Redis): Promise<boolean> {
  const info = await node.cluster('INFO');
  if (!info.includes('cluster_state:ok')) return false;
  const ranges = (await node.cluster('SLOTS')) as unknown[][];
  return ranges.length === MASTERS && ranges.every(([_start, _end, ...servers]) => servers.length === 2);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(RETRY_DELAY_MS);
}
