import { keySlot } from '../../wire/key-slot.js';
import { isCluster } from './nodes.js';
import type { RedisClient } from './redis-connection.js';

/** `true`: the node has had it. A promise, which never rejects: one call loads it or finds that it is there. */
type Knowledge = true | Promise<void>;

/**
 * Which nodes have which scripts. Of the calls that use a script for the first time on a node, or find that it was lost
 * there, one sends the text, and the others wait for it: each text crosses the network once per node and loss.
 */
export class LoadedScripts {
  private readonly byClient = new WeakMap<RedisClient, Map<string, Knowledge>>();

  /** What is known about the script on the node of this key; `undefined`: nobody has used it there yet. */
  of(client: RedisClient, sha1: string, key: string): Knowledge | undefined {
    return this.byClient.get(client)?.get(nameOf(client, sha1, key));
  }

  /** Others wait until this call ends, which loads the script or finds that it is there. */
  during<T>(client: RedisClient, sha1: string, key: string, call: Promise<T>): Promise<T> {
    const scripts = this.byClient.get(client) ?? new Map<string, Knowledge>();
    this.byClient.set(client, scripts);
    const name = nameOf(client, sha1, key);
    // Even when it failed: those that waited are then sent together, and each handles what it meets.
    const end = (): void => void scripts.set(name, true);
    scripts.set(name, call.then(end, end));
    return call;
  }
}

/** On a cluster, the slot decides the node. */
const nameOf = (client: RedisClient, sha1: string, key: string): string =>
  isCluster(client) ? `${sha1} ${String(client.slots[keySlot(key)])}` : sha1;
