import { machineCpuUs, treeCpuUs } from './processor-time.js';

/** If other processes use more cores than this, a figure is meaningless. */
export const MOST_OTHERS_CORES = 0.2;

/** CPU use, in cores, of everything on the machine except this process and its descendants during a figure. */
export class OthersLoad {
  private othersUs = 0;
  private elapsedUs = 0;
  private highest = 0;

  /** Counts the time until `work` is done. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const before = reading();
    try {
      return await work();
    } finally {
      const after = reading();
      const elapsedUs = after.atUs - before.atUs;
      const othersUs = Math.max(0, after.othersUs - before.othersUs);
      this.othersUs += othersUs;
      this.elapsedUs += elapsedUs;
      this.highest = Math.max(this.highest, othersUs / elapsedUs);
    }
  }

  get meanCores(): number {
    return this.elapsedUs === 0 ? 0 : this.othersUs / this.elapsedUs;
  }

  /** Of one piece of work. */
  get highestCores(): number {
    return this.highest;
  }
}

function reading(): { atUs: number; othersUs: number } {
  return { atUs: performance.now() * 1000, othersUs: machineCpuUs() - treeCpuUs(process.pid) };
}
