import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_S = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const ticksToUs = (ticks: number): number => (ticks / TICKS_PER_S) * 1e6;

interface ProcessTimes {
  readonly parent: number;
  /** Its own, and that of its ended children. */
  readonly usedUs: number;
}

/** Processor time of a process and all its descendants, including ended ones. */
export function treeCpuUs(root: number): number {
  const times = readAllTimes();
  const sum = (pid: number): number => {
    const children = [...times].filter(([, { parent }]) => parent === pid);
    return (times.get(pid)?.usedUs ?? 0) + children.reduce((total, [child]) => total + sum(child), 0);
  };
  return sum(root);
}

/**
 * Processor time of the whole machine, including steal time. Interrupts are excluded: they serve the network
 * connections of the benchmark itself, and are not attributed to a process.
 */
export function machineCpuUs(): number {
  const [user, nice, system, , , , , steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return ticksToUs(user! + nice! + system! + (steal ?? 0));
}

export function residentBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

function readAllTimes(): Map<number, ProcessTimes> {
  const times = new Map<number, ProcessTimes>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const read = Number.isInteger(pid) ? readTimes(pid) : undefined;
    if (read) times.set(pid, read);
  }
  return times;
}

/** `undefined` when it has just ended. */
function readTimes(pid: number): ProcessTimes | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name, in brackets, may contain anything; the fields after it begin with the third.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).map(Number);
  return { parent: Number(fields[1]), usedUs: ticksToUs(ticks.reduce((sum, value) => sum + value, 0)) };
}
