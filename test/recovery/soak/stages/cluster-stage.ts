import { sleep } from '../../../support/load.js';
import { type RedisServer, startCluster } from '../../../support/redis-server.js';
import type { Stage } from '../trial.js';
import { asAdmin } from './admin.js';

const CHECK_MS = 50;

/** What `CLUSTER NODES` says of a node. */
interface NodeView {
  readonly server: RedisServer;
  readonly id: string;
  readonly isMaster: boolean;
  /** Id of the master of a replica. */
  readonly masterId: string;
  /** Of its configuration: of two nodes that say they hold a slot, the higher one is right. */
  readonly epoch: number;
  readonly isDown: boolean;
  readonly slots: readonly (readonly [first: number, last: number])[];
}

export interface ClusterStage extends Stage {
  masters(): Promise<RedisServer[]>;
  replicaOf(master: RedisServer): Promise<RedisServer>;
  /** The master that has a queue now. */
  masterOf(queue: string): Promise<RedisServer>;
  /** Resolves when the node takes writes for the slots of a master. */
  isPromoted(replica: RedisServer): Promise<void>;
  /** Resolves when all slots are served, and each master has a replica that is up to date. */
  isWhole(): Promise<void>;
}

/** Three masters with a replica each. What clients enqueue counts as accepted when a replica has it. */
export async function openClusterStage(): Promise<ClusterStage> {
  const cluster = await startCluster(3, { appendOnly: true, withReplicas: true });

  async function view(asked: RedisServer): Promise<NodeView[]> {
    const text = await asAdmin(asked, (admin) => admin.cluster('NODES'));
    return String(text)
      .trim()
      .split('\n')
      .map((line) => {
        const [id = '', address = '', flags = '', masterId = '', , , epoch, link, ...slots] = line.split(' ');
        const port = Number(/:(\d+)/.exec(address)![1]);
        return {
          server: cluster.all.find((node) => node.port === port)!,
          id,
          isMaster: flags.includes('master'),
          masterId,
          epoch: Number(epoch),
          isDown: flags.includes('fail') || (link !== 'connected' && !flags.includes('myself')),
          slots: slots
            .filter((slot) => !slot.startsWith('['))
            .map((slot) => slot.split('-').map(Number))
            .map(([first = 0, last = first]) => [first, last] as const),
        };
      });
  }

  const mastersOf = (nodes: readonly NodeView[]): NodeView[] =>
    nodes.filter(({ isMaster, slots }) => isMaster && slots.length > 0);

  /** What the first node that answers knows. */
  const current = (): Promise<NodeView[]> => Promise.any(cluster.all.map(view));

  /** What each node that answers knows of itself: the others learn of a failover later. */
  async function selves(): Promise<NodeView[]> {
    const own = cluster.all.map(async (node) => (await view(node)).filter(({ server }) => server === node));
    return (await Promise.all(own.map((self) => self.catch(() => [])))).flat();
  }

  /** Whether a node knows that all is well, and so it is with itself. */
  async function isWell(node: RedisServer): Promise<boolean> {
    const nodes = await view(node);
    const [info, replication] = await asAdmin(node, async (admin) => [
      await admin.cluster('INFO'),
      await admin.info('replication'),
    ]);
    const isInSync = /master_link_status:up/.test(replication) || /state=online/.test(replication);
    return (
      info.includes('cluster_state:ok') &&
      nodes.length === cluster.all.length &&
      nodes.every(({ isDown }) => !isDown) &&
      mastersOf(nodes).length === cluster.nodes.length &&
      isInSync
    );
  }

  const stage: ClusterStage = {
    connection: { cluster: cluster.addresses },
    clientConnection: { cluster: cluster.addresses, waitForReplicas: 1 },
    masters: async () => mastersOf(await current()).map(({ server }) => server),
    async replicaOf(master) {
      for (;;) {
        const nodes = await selves();
        const id = nodes.find(({ server }) => server === master)?.id;
        const replica = nodes.find(({ masterId }) => masterId === id);
        if (replica) return replica.server;
        await sleep(CHECK_MS);
      }
    },
    async masterOf(queue) {
      const slot = await asAdmin(cluster.nodes[0]!, (admin) => admin.cluster('KEYSLOT', `{${queue}}`));
      for (;;) {
        const holders = mastersOf(await selves()).filter(({ slots }) =>
          slots.some(([first, last]) => first <= slot && slot <= last),
        );
        const [latest] = holders.toSorted((a, b) => b.epoch - a.epoch);
        if (latest) return latest.server;
        await sleep(CHECK_MS);
      }
    },
    async isPromoted(replica) {
      const isMaster = async (): Promise<boolean> => {
        const nodes = await view(replica);
        return mastersOf(nodes).some(({ server }) => server === replica);
      };
      while (!(await isMaster().catch(() => false))) await sleep(CHECK_MS);
    },
    async isWhole() {
      const areWell = (): Promise<boolean[]> => Promise.all(cluster.all.map((node) => isWell(node).catch(() => false)));
      while ((await areWell()).includes(false)) await sleep(CHECK_MS);
    },
    [Symbol.asyncDispose]: () => cluster.stop(),
  };
  await stage.isWhole();
  return stage;
}
