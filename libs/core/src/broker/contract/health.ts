/** Facts about Redis that a server checks once, at start. */
interface BrokerFacts {
  /** For example `'7.0.15'`; like the others `undefined` when this user may not read it. */
  readonly version: string | undefined;
  /** Redis' `maxmemory-policy`; anything but `noeviction` loses tasks. */
  readonly evictionPolicy: string | undefined;
  /** Redis' clock minus this machine's, after allowing for the uncertainty of the measurement. */
  readonly clockSkewMs: number | undefined;
}

/** A node of a Redis Cluster that holds a queue. */
export interface ClusterNode {
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
}

/** A server of Redis, and what it reports. */
export interface StoreNode {
  /** `host:port`. */
  readonly address: string;
  /** The reply to `INFO`, under Redis' own names; empty when there is an error. */
  readonly info: Readonly<Record<string, string>>;
  /** Why the node has not reported. */
  readonly error: unknown;
}

/** The store itself. */
export interface HealthOps {
  ping(): Promise<void>;
  /**
   * Checks that the server is new enough; one that does not report its version passes.
   * @throws {UnsupportedRedisError} it is too old
   * @throws {RedisCommandError} Redis is unavailable, which is known after one attempt to connect
   */
  checkVersion(): Promise<void>;
  facts(): Promise<BrokerFacts>;
  /**
   * Rights that a server needs for the queue and that this user lacks, in Redis' notation, such as `+hset` or `~asynq:*`.
   * Optional rights (channels, blocking commands, `INFO`, `TIME`) are not included. Complete on Redis 7 and later only.
   * @throws {RedisCommandError} Redis is unavailable, which is known after one attempt to connect
   */
  missingRights(queue: string): Promise<readonly string[]>;
  /** The reply to `INFO`, on a cluster to `CLUSTER INFO`, under Redis' own names; empty in memory. */
  storeInfo(): Promise<Readonly<Record<string, string>>>;
  /**
   * Every server: the only one, or the masters and the connected replicas of a cluster; none in memory.
   * @param hasAll with the counts of each command, too
   */
  storeNodes(hasAll?: boolean): Promise<StoreNode[]>;
  /** The Redis Cluster slot of the queue's keys. */
  clusterSlot(queue: string): Promise<number>;
  /** The nodes that hold the queue's keys, the master first; none outside of a cluster. */
  clusterNodes(queue: string): Promise<ClusterNode[]>;
}
