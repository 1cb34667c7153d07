import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RedisServer } from './redis-server.js';

/** Moves a queue's slot from the node that holds it to another, as `redis-cli --cluster reshard` does. */
export class SlotMove implements Disposable {
  private constructor(
    private readonly masters: ReadonlyMap<RedisServer, Redis>,
    private readonly slot: number,
    private readonly from: Redis,
    private readonly to: Redis,
  ) {}

  /**
   * Announces the move to both nodes; no key has moved yet.
   * @param masters all of the cluster
   */
  static async begin(
    masters: readonly RedisServer[],
    queue: string,
    { from, to }: { readonly from: RedisServer; readonly to: RedisServer },
  ): Promise<SlotMove> {
    const clients = new Map(masters.map((master) => [master, new Redis(master.url)]));
    const [source, target] = [clients.get(from)!, clients.get(to)!];
    const slot = await source.cluster('KEYSLOT', `{${queue}}`);
    const [sourceId, targetId] = [await source.cluster('MYID'), await target.cluster('MYID')];
    await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId);
    await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId);
    return new SlotMove(clients, slot, source, target);
  }

  /** @returns the number of moved keys: `count`, or all remaining ones */
  async moveKeys(count: number): Promise<number> {
    const keys = (await this.from.call('CLUSTER', 'GETKEYSINSLOT', this.slot, count)) as string[];
    const { host, port } = this.to.options;
    if (keys.length > 0) await this.from.call('MIGRATE', host!, port!, '', 0, 5_000, 'KEYS', ...keys);
    return keys.length;
  }

  /** Moves the remaining keys, and announces the new owner of the slot to all nodes. */
  async finish(): Promise<void> {
    while ((await this.moveKeys(100)) > 0);
    const targetId = await this.to.cluster('MYID');
    for (const node of [this.to, ...this.masters.values()])
      await node.call('CLUSTER', 'SETSLOT', this.slot, 'NODE', targetId);
  }

  /** Resolves once a node has refused a script because some of its keys are on the other side. */
  async refused(): Promise<void> {
    const hasRefused = async (node: Redis): Promise<boolean> => (await node.info('errorstats')).includes('TRYAGAIN');
    while (!(await hasRefused(this.from)) && !(await hasRefused(this.to))) await delay(1);
  }

  [Symbol.dispose](): void {
    for (const node of this.masters.values()) node.disconnect();
  }
}
