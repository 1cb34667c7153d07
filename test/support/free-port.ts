import { createServer } from 'node:net';

export interface PortRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Offsets of further ports that must be free, too. */
  readonly alsoFree: readonly number[];
}

/** From a node of a cluster to its port for the other nodes. */
const BUS = 10_000;

/** By what listens there: apart from each other, and below the ports of outgoing connections. */
export const PORTS = {
  /** Six nodes in a row. */
  quickstart: { from: 5_000, to: 6_000, alsoFree: [1, 2, 3, 4, 5, ...[0, 1, 2, 3, 4, 5].map((node) => BUS + node)] },
  cluster: { from: 7_000, to: 12_000, alsoFree: [BUS] },
  redis: { from: 22_000, to: 28_000, alsoFree: [] },
  sentinel: { from: 28_000, to: 29_000, alsoFree: [] },
  tls: { from: 29_000, to: 30_000, alsoFree: [] },
  containers: { from: 30_000, to: 31_000, alsoFree: [] },
  postgres: { from: 31_000, to: 32_000, alsoFree: [] },
  prometheus: { from: 32_000, to: 32_700, alsoFree: [] },
} as const satisfies Readonly<Record<string, PortRange>>;

/** Different free ports in the range. */
export async function drawPorts(count: number, range: PortRange): Promise<number[]> {
  const drawn = new Set<number>();
  while (drawn.size < count) {
    const port = range.from + Math.floor(Math.random() * (range.to - range.from));
    const needed = [port, ...range.alsoFree.map((distance) => port + distance)];
    const free = await Promise.all(needed.map(isFree));
    if (free.every(Boolean)) drawn.add(port);
  }
  return [...drawn];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
