import { type Clock, sleep } from '../../../runtime/clock.js';
import type { Logger } from '../../../runtime/logger.js';
import type { ProgressRecord } from '../../../wire/task-progress.js';

/** Minimum interval between two writes of one attempt. */
const WRITE_INTERVAL_MS = 500;
/** Longer notes are cut: every listing of tasks reads them. */
const LONGEST_NOTE = 1_000;

export interface ProgressDeps {
  /** Stores a report; resolves to `false` when the task is no longer ours. */
  readonly write: (progress: ProgressRecord) => Promise<boolean>;
  readonly onWritten: (progress: ProgressRecord) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Stores a handler's progress reports: the first at once, then the last one of every half second. A failed write is not
 * repeated, since the next report is newer.
 */
export class ProgressReporter {
  /** Report to write. */
  private latest: ProgressRecord | undefined;
  private writing: Promise<void> | undefined;
  private readonly flushing = new AbortController();

  constructor(private readonly deps: ProgressDeps) {}

  /** Never throws, whatever the argument. Reports after `flush` are ignored. */
  report(share: number, note?: string): void {
    if (this.flushing.signal.aborted) return;
    this.latest = {
      share: typeof share === 'number' ? Math.min(Math.max(share || 0, 0), 1) : 0,
      atMs: this.deps.clock.nowMs(),
      ...(typeof note === 'string' && { note: note.slice(0, LONGEST_NOTE).toWellFormed() }),
    };
    this.writing ??= this.writeAll();
  }

  /** Writes the last report, if it is not written yet. Never rejects. */
  async flush(): Promise<void> {
    this.flushing.abort();
    await this.writing;
  }

  private async writeAll(): Promise<void> {
    while (this.latest) {
      const progress = this.latest;
      this.latest = undefined;
      await this.write(progress);
      await sleep(this.deps.clock, WRITE_INTERVAL_MS, this.flushing.signal);
    }
    this.writing = undefined;
  }

  private async write(progress: ProgressRecord): Promise<void> {
    try {
      if (await this.deps.write(progress)) this.deps.onWritten(progress);
    } catch (error) {
      this.deps.logger.debug('could not store the progress of a task', { error });
    }
  }
}
