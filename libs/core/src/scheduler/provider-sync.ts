import { isInstance } from '../errors/as-error.js';
import { CronSpecError } from '../errors/cron-spec.error.js';
import { allOf } from '../runtime/all-of.js';
import { Loop, type LoopDeps } from '../runtime/loop.js';
import { nameTaken, type PeriodicEntry, type PeriodicTaskConfig } from './periodic-entry.js';

/** A source of periodic tasks at run time: a database, a file, a service. */
export interface PeriodicTaskProvider {
  /** Returns all current periodic tasks. When it throws, the plan stays unchanged. */
  periodicTasks(): readonly PeriodicTaskConfig[] | Promise<readonly PeriodicTaskConfig[]>;
}

/** The changes that a synchronization can make to the plan. */
export interface PlanChanges {
  /** @throws the reason why the configuration is invalid */
  make(config: PeriodicTaskConfig): PeriodicEntry;
  /** Whether a periodic task of the plan has the name. */
  isTaken(name: string): boolean;
  add(entry: PeriodicEntry): void;
  /** Removes an entry from the plan. */
  drop(entry: PeriodicEntry): void;
  /** @param isForgotten whether to delete the stored schedule, too, because no other entry has its name */
  clear(entry: PeriodicEntry, isForgotten: boolean): Promise<void>;
}

/** Synchronizes the plan with the provider's list: adds new entries, removes missing ones, keeps the rest. */
export class ProviderSync extends Loop {
  protected override readonly restsFor = 'due';
  private readonly known = new Map<string, PeriodicEntry>();
  /** Dropped, but not yet cleared. */
  private readonly dropped = new Set<PeriodicEntry>();
  private isFresh = false;

  constructor(
    private readonly provider: PeriodicTaskProvider,
    private readonly changes: PlanChanges,
    private readonly intervalMs: number,
    deps: LoopDeps,
  ) {
    super('periodic task provider', deps, intervalMs);
  }

  /** The first synchronization; its failure is thrown. */
  async begin(): Promise<void> {
    await this.sync();
    this.isFresh = true;
  }

  async runOnce(): Promise<number> {
    if (!this.isFresh) await this.sync();
    this.isFresh = false;
    return this.intervalMs;
  }

  /** Reads and checks everything before it changes anything. */
  private async sync(): Promise<void> {
    const configs = await this.ask();
    if (!configs) return;
    const wanted = new Map<string, PeriodicEntry>();
    for (const config of configs) {
      const entry = this.makeUnlessUnreadable(config);
      if (entry) wanted.set(keyOf(entry), entry); // equal ones are one schedule
    }
    this.checkNames([...wanted.values()]);
    for (const [key, entry] of this.known) {
      if (wanted.has(key)) continue;
      this.changes.drop(entry);
      this.known.delete(key);
      this.dropped.add(entry);
    }
    for (const [key, entry] of wanted) {
      if (this.known.has(key)) continue;
      this.changes.add(entry);
      this.known.set(key, entry);
    }
    await this.clearDropped();
  }

  /** `undefined`: stopped before the provider answered; a shutdown must not wait for it. */
  private async ask(): Promise<readonly PeriodicTaskConfig[] | undefined> {
    const signal = this.stopSignal;
    if (signal.aborted) return undefined;
    let onAbort: () => void = () => undefined;
    const stopped = new Promise<undefined>((resolve) => (onAbort = () => resolve(undefined)));
    signal.addEventListener('abort', onAbort);
    try {
      return await Promise.race([this.provider.periodicTasks(), stopped]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /**
   * Runs last, and is repeated until it succeeds: a failure of Redis must not prevent new entries from being planned.
   */
  private async clearDropped(): Promise<void> {
    const stored = new Set([...this.known.values()].map(storedName));
    await allOf(
      [...this.dropped].map(async (entry) => {
        await this.changes.clear(entry, !stored.has(storedName(entry)));
        this.dropped.delete(entry);
      }),
    );
  }

  /** @throws {InvalidOptionsError} two different periodic tasks have one name */
  private checkNames(wanted: readonly PeriodicEntry[]): void {
    const ours = new Set([...this.known.values()].map(({ name }) => name));
    const names = new Set<string>();
    for (const { name } of wanted) {
      if (names.has(name) || (this.changes.isTaken(name) && !ours.has(name))) throw nameTaken(name);
      names.add(name);
    }
  }

  /** An invalid spec does not affect the others; it is tried again at every synchronization. */
  private makeUnlessUnreadable(config: PeriodicTaskConfig): PeriodicEntry | undefined {
    try {
      return this.changes.make(config);
    } catch (error) {
      if (!isInstance(error, CronSpecError)) throw error;
      this.logger.error(`a periodic task of type "${config.type}" is left out`, { error });
      return undefined;
    }
  }
}

const storedName = ({ definition }: PeriodicEntry): string => JSON.stringify([definition.queue, definition.name]);

const keyOf = (entry: PeriodicEntry): string => `${storedName(entry)} ${entry.digest}`;
