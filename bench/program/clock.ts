import type { Usage } from './protocol.js';

/** CLOCK_MONOTONIC, the same in every process of the machine. */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export function ownUsage(): Usage {
  const { user, system } = process.cpuUsage();
  return { atUs: nowUs(), cpuUs: user + system };
}
