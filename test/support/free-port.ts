import { createServer } from 'node:net';

export interface PortRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Offsets of further ports that must be free, too. */
  readonly alsoFree: readonly number[];
}

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
