/** A node's `redis.conf`. The first lines are those of every cluster tutorial. */
export function nodeConfig(port: number | string, ...more: readonly string[]): string {
  const lines = [
    `port ${port}`,
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    'cluster-node-timeout 5000',
    'appendonly yes',
    // Nodes and clients are all on this machine.
    'cluster-announce-ip 127.0.0.1',
    // The append-only file is enough for a restart.
    'save ""',
    // Replicas are in sync, and listed, after a second: by default the master waits 5 s for others to join the first,
    // and sends its first byte after 10 s.
    'repl-diskless-sync-delay 0',
    'repl-ping-replica-period 1',
    ...more,
  ];
  return `${lines.join('\n')}\n`;
}
