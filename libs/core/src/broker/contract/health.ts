/** What the server learns once, at start, to warn about. */
export interface BrokerFacts {
  /** For example `'7.0.15'`; `undefined` when it may not be read, as the others. */
  readonly version: string | undefined;
  /** Redis' `maxmemory-policy`; anything but `noeviction` loses tasks. */
  readonly evictionPolicy: string | undefined;
  /** Redis' clock less that of this machine, as far as that is certain. */
  readonly clockSkewMs: number | undefined;
}

/** A node of a Redis Cluster that holds a queue. */
export interface ClusterNode {
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
}

/** The store itself. */
export interface HealthOps {
  ping(): Promise<void>;
  facts(): Promise<BrokerFacts>;
  /**
   * What a server needs for the queue and this user may not: in Redis' notation, such as `+hset` or `~asynq:*`. What is
   * only a help (channels, commands that block, `INFO`, `TIME`) is not among it. Only Redis 7 and later tell all of it.
   * @throws {RedisCommandError} Redis is away, which is known after one attempt to connect
   */
  missingRights(queue: string): Promise<readonly string[]>;
  /** What Redis tells about itself, a cluster about the cluster, by Redis' own names; nothing in memory. */
  storeInfo(): Promise<Readonly<Record<string, string>>>;
  /** The Redis Cluster slot of the queue's keys. */
  clusterSlot(queue: string): Promise<number>;
  /** The nodes that hold the queue's keys, the master first; none outside of a cluster. */
  clusterNodes(queue: string): Promise<ClusterNode[]>;
}
