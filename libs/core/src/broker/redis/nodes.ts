import type { Cluster, Redis } from 'ioredis';
import { keySlot } from '../../wire/key-slot.js';
import type { RedisClient } from './redis-connection.js';

/** Recognized by its members, not by its class: the user's ioredis may be another copy than ours. */
export const isCluster = (client: RedisClient): client is Cluster => client.isCluster;

/** The connections to all masters of a cluster, or the connection to the only server. */
export const mastersOf = (client: RedisClient): readonly Redis[] =>
  isCluster(client) ? client.nodes('master') : [client];

/** The same, with the replicas that are connected. */
export const connectionsOf = (client: RedisClient): readonly Redis[] =>
  isCluster(client) ? client.nodes('all') : [client];

/** The master of a key's slot if known, otherwise any. */
export function nodeOf(cluster: Cluster, key: string | undefined): Redis {
  const masters = mastersOf(cluster);
  const owner = key === undefined ? undefined : cluster.slots[keySlot(key)]?.[0];
  const node = masters.find((master) => addressOf(master) === owner) ?? masters.at(Math.random() * masters.length);
  if (!node) throw new Error('Connection is closed.'); // the cluster is being rediscovered
  return node;
}

export const addressOf = ({ options }: Redis): string => options.path ?? `${options.host}:${options.port}`;

/** Any master of a cluster is enough: an unresponsive one does not make the others unreachable. */
export async function askAny<T>(client: RedisClient, ask: (node: Redis) => Promise<T>): Promise<T> {
  try {
    return await Promise.any(mastersOf(client).map(ask));
  } catch (error) {
    throw (error as AggregateError).errors[0] ?? new Error('Connection is closed.');
  }
}
