const DEFAULT = '127.0.0.1:7000,127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003,127.0.0.1:7004,127.0.0.1:7005';

/**
 * Nodes of the cluster, from the variable that the `asynq` command also reads. Some of them are enough to find the others.
 * @throws {Error} the variable cannot be read
 */
export function clusterAddresses(): { host: string; port: number }[] {
  const given = process.env['ASYNQ_CLUSTER_ADDRS'] || DEFAULT;
  return given.split(',').map((address) => {
    const { host, port } = /^\s*(?<host>[^\s:]+):(?<port>\d{1,5})\s*$/.exec(address)?.groups ?? {};
    if (!host)
      throw new Error(`ASYNQ_CLUSTER_ADDRS is "${given}": it must be host:port, or several separated by commas`);
    return { host, port: Number(port) };
  });
}
