import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { ceilS, fromS } from '../../wire/unix-time.js';
import { exactDueAtMs } from '../../wire/due-time.js';
import { dropOrphans } from './orphans.js';
import type { RedisLink } from './redis-link.js';
import { type ScoredId, toScoredIds } from './scored-ids.js';

/** Entries of the first look, which is mostly enough, and of those that follow. */
const GLANCE = 16;
const PAGE = 1_000;
/** Tasks whose due times one script call reads. */
const READ_BATCH = 500;

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
 * The tasks of `scheduled` or `retry` whose second has come, in the order in which they are due. The due time of each is
 * read once, however often the plan is looked at: many tasks may be due in one second. Scripts check what it says before
 * they move a task.
 */
export class DuePlan {
  private known = new Map<string, Waiting>();
  /** Sorted by due time, equal ones in the order of Redis. Those before `head` are gone. */
  private row: readonly Waiting[] = [];
  private head = 0;
  /** The score up to which the plan is complete, and the first entry behind it. */
  private upTo = '-inf';
  private behind: ScoredId | undefined;

  constructor(
    private readonly redis: RedisLink,
    private readonly queue: string,
    readonly source: string,
  ) {}

  /** Up to `limit` tasks that are due, the first of all; looks at Redis unless it knows of so many. */
  async nextDue(nowMs: number, limit: number): Promise<readonly Waiting[]> {
    const last = this.row[this.head + limit - 1];
    if (!last || last.dueAtMs > nowMs) await this.refresh(nowMs);
    const batch = this.row.slice(this.head, this.head + limit);
    const end = batch.findIndex(({ dueAtMs }) => dueAtMs > nowMs);
    return end < 0 ? batch : batch.slice(0, end);
  }

  /** Takes tasks out that were moved, or are no longer what they were. */
  drop(tasks: readonly Waiting[]): void {
    for (const { id } of tasks) this.known.delete(id);
    while (this.head < this.row.length && !this.known.has(this.row[this.head]!.id)) this.head += 1;
  }

  /** Forgets all; the next look reads it anew. */
  clear(): void {
    this.known.clear();
    this.row = [];
    this.head = 0;
  }

  /** When to look again, never before `nowMs`; `undefined` when nothing waits. */
  nextDueAtMs(nowMs: number): number | undefined {
    const next = this.row[this.head]?.dueAtMs;
    // A score is the exact time rounded up: the tasks behind are due in its second at the earliest.
    const later = this.behind && fromS(Number(this.behind.score) - 1) + 1;
    if (next === undefined && later === undefined) return undefined;
    return Math.max(Math.min(next ?? Infinity, later ?? Infinity), nowMs);
  }

  private async refresh(nowMs: number): Promise<void> {
    if (this.known.size > 0) await this.recheckRescheduled();
    if (this.known.size > PAGE && (await this.isComplete())) return;
    const { entries, behind } = await readSeconds(this.redis, this.source, ceilS(nowMs));
    const isKnown = ({ id, score }: ScoredId): boolean => this.known.get(id)?.score === score;
    const read = new Map((await this.read(entries.filter((entry) => !isKnown(entry)))).map((one) => [one.id, one]));
    const row = entries.flatMap((entry) => (isKnown(entry) ? this.known.get(entry.id)! : (read.get(entry.id) ?? [])));
    this.known = new Map(row.map((waiting) => [waiting.id, waiting]));
    this.row = row.sort((a, b) => a.dueAtMs - b.dueAtMs);
    this.head = 0;
    this.upTo = entries.at(-1)?.score ?? '-inf';
    this.behind = behind;
  }

  /** Whether Redis holds as many entries as the plan. */
  private async isComplete(): Promise<boolean> {
    const [count, behind] = (await this.redis.pipeline('ZCOUNT', (pipeline) => {
      pipeline
        .zcount(this.source, '-inf', this.upTo)
        .zrangebyscore(this.source, `(${this.upTo}`, '+inf', 'WITHSCORES', 'LIMIT', 0, 1);
    })) as [number, string[]];
    this.behind = toScoredIds(behind)[0];
    return count === this.known.size;
  }

  /** The score of a task that is rescheduled within its second stays the same. */
  private async recheckRescheduled(): Promise<void> {
    const ids = await this.redis.command('SRANDMEMBER', (client) =>
      client.srandmember(keys.rescheduled(this.queue), PAGE + 1),
    );
    if (ids.length > PAGE) return this.clear();
    const before = ids.flatMap((id) => this.known.get(id) ?? []);
    const now = new Map((await this.read(before)).map((waiting) => [waiting.id, waiting]));
    for (const { id, dueText } of before) if (now.get(id)?.dueText !== dueText) this.known.delete(id);
  }

  /** Reads the tasks of entries, and drops ids without a message. */
  private async read(entries: readonly ScoredId[]): Promise<Waiting[]> {
    const waiting: Waiting[] = [];
    const orphans: string[] = [];
    for (let at = 0; at < entries.length; at += READ_BATCH) {
      const batch = entries.slice(at, at + READ_BATCH);
      const task = batch.map(({ id }) => keys.task(this.queue, id));
      const replies = (await this.redis.run(scripts.dueTimes, { task }, {})) as (Buffer | number | null)[];
      batch.forEach(({ id, score }, i) => {
        const [due, group, hasMessage] = replies.slice(3 * i, 3 * i + 3);
        if (hasMessage === 0) {
          orphans.push(id);
          return;
        }
        const dueText = due?.toString() ?? '';
        const dueAtMs = exactDueAtMs(Number(score), due?.toString() ?? null);
        waiting.push({ id, score, dueText, dueAtMs, group: group?.toString() ?? '' });
      });
    }
    if (orphans.length > 0) await dropOrphans(this.redis, this.queue, orphans);
    return waiting;
  }
}

/**
 * The entries of lowest score, and the first behind them: none of a later second than `lastS`, and if there are more than
 * a page, whole seconds, so that their tasks can be sorted.
 */
async function readSeconds(
  redis: RedisLink,
  source: string,
  lastS: number,
): Promise<{ entries: ScoredId[]; behind: ScoredId | undefined }> {
  const entries: ScoredId[] = [];
  for (let size = GLANCE; ; size = PAGE) {
    const from = entries.length;
    const flat = await redis.command('ZRANGE', (client) =>
      client.zrange(source, String(from), String(from + size - 1), 'WITHSCORES'),
    );
    for (const entry of toScoredIds(flat)) {
      const isNextSecond = entry.score !== entries.at(-1)?.score;
      if (Number(entry.score) > lastS || (isNextSecond && entries.length >= PAGE)) return { entries, behind: entry };
      entries.push(entry);
    }
    if (flat.length < 2 * size) return { entries, behind: undefined };
  }
}
