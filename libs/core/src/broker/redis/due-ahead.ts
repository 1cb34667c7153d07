import { fromS } from '../../wire/unix-time.js';
import type { RedisLink } from './redis-link.js';
import { type ScoredId, scoreOf } from './scored-ids.js';

/**
 * How long before a second begins its due times are read. `reschedule-task` names the tasks that it moves to a second
 * that begins within this time.
 */
const LEAD_MS = 1_500;
/** Tasks of one second that are read ahead; fewer are read fast enough when it has begun. */
const MANY = 1_000;
const BATCH = 500;

/** A task that waits in `scheduled` or `retry`. */
export interface Waiting {
  readonly id: string;
  /** As text, the way Redis prints it: the scripts compare it. */
  readonly score: string;
  /** The field `due_at_ms` as it was read, '' without one: the scripts compare it. */
  readonly dueText: string;
  readonly dueAtMs: number;
  readonly group: string;
}

/**
 * Due times of the tasks of the next second, read while nothing else is due: when many tasks are due at one instant,
 * reading takes as long as moving them. A hint; the plan compares ids and scores, and reads what is missing.
 */
export class DueAhead {
  private tasks = new Map<string, Waiting>();
  /** The second, how many tasks it had, and whether they are being read. */
  private score: string | undefined;
  private count = 0;
  private isBegun = false;

  /** @param read reads the tasks of entries */
  constructor(
    private readonly redis: RedisLink,
    private readonly source: string,
    private readonly read: (entries: readonly ScoredId[]) => Promise<readonly Waiting[]>,
  ) {}

  get size(): number {
    return this.tasks.size;
  }

  get(id: string): Waiting | undefined {
    return this.tasks.get(id);
  }

  delete(id: string): void {
    this.tasks.delete(id);
  }

  clear(): void {
    this.tasks = new Map();
    this.score = undefined;
    this.count = 0;
    this.isBegun = false;
  }

  /** When to call `begin` for the second `score`; `undefined` when that is not necessary. */
  beginsAtMs(score: string): number | undefined {
    return this.score === score && this.count >= MANY && !this.isBegun
      ? fromS(scoreOf(score) - 1) - LEAD_MS
      : undefined;
  }

  /** Notes which second comes next, and reads its tasks in the background if they are many and it is time. */
  async prepare(score: string, nowMs: number): Promise<void> {
    if (this.score !== score) {
      this.clear();
      this.score = score;
    }
    if (this.count < MANY) {
      this.count = await this.redis.command('ZCOUNT', (client) => client.zcount(this.source, score, score));
    }
    if (nowMs < (this.beginsAtMs(score) ?? Infinity)) return;
    this.isBegun = true;
    this.readAll(score, this.tasks).catch(() => undefined); // the plan reads the rest, and meets the same failure
  }

  /** Stops when the tasks are no longer wanted. */
  private async readAll(score: string, tasks: Map<string, Waiting>): Promise<void> {
    for (let offset = 0; tasks === this.tasks; offset += BATCH) {
      const ids = await this.redis.command('ZRANGEBYSCORE', (client) =>
        client.zrangebyscore(this.source, score, score, 'LIMIT', offset, BATCH),
      );
      for (const task of await this.read(ids.map((id) => ({ id, score })))) tasks.set(task.id, task);
      if (ids.length < BATCH) return;
    }
  }
}
