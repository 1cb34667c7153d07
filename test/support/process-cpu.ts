import { readFile } from 'node:fs/promises';

/** The kernel counts in these, whatever its own tick. */
const TICK_MS = 10;

/**
 * Processor time that a process has used so far, with all its threads, ms; `undefined` if the system does not report
 * it.
 */
export async function processCpuMs(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third field on
  return fields && (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
