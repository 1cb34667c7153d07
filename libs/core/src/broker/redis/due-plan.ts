import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { ceilS, fromS } from '../../wire/unix-time.js';
import { exactDueAtMs } from '../../wire/due-time.js';
import { DueAhead, type Waiting } from './due-ahead.js';
import { dropOrphans } from './orphans.js';
import type { RedisLink } from './redis-link.js';
import { type ScoredId, scoreOf, toScoredIds } from './scored-ids.js';

/** Entries in the first page, which is usually enough, and in the following ones. */
const FIRST_PAGE = 16;
const PAGE = 1_000;
/** Entries after the plan that are read with it, to see whether the next second has many. */
const GLANCE = 16;
/** Tasks whose due times one script call reads. */
const READ_BATCH = 500;

/**
 * The tasks of `scheduled` or `retry` that are due in the running second or earlier, in the order of their due times.
 * The due time of each is read only once, since many tasks may be due in one second. Scripts check the plan's data
 * before they move a task.
 */
export class DuePlan {
  private known = new Map<string, Waiting>();
  /** Sorted by due time, equal ones in the order of Redis. Those before `head` have been removed. */
  private row: readonly Waiting[] = [];
  private head = 0;
  /** The score up to which the plan is complete, and the first entry after it. */
  private upTo = '-inf';
  private behind: ScoredId | undefined;
  /** Whether many entries may have the score of `behind`. */
  private isCrowdBehind = false;
  private readonly ahead: DueAhead;

  constructor(
    private readonly redis: RedisLink,
    private readonly queue: string,
    readonly source: string,
  ) {
    this.ahead = new DueAhead(redis, source, (entries) => this.read(entries));
  }

  /** Up to `limit` due tasks, the earliest first; reads from Redis unless it knows that many. */
  async nextDue(nowMs: number, limit: number): Promise<readonly Waiting[]> {
    const last = this.row[this.head + limit - 1];
    if (!last || last.dueAtMs > nowMs) await this.refresh(nowMs);
    const batch = this.row.slice(this.head, this.head + limit);
    const end = batch.findIndex(({ dueAtMs }) => dueAtMs > nowMs);
    return end < 0 ? batch : batch.slice(0, end);
  }

  /** Reads tasks of the next second if they are many, while nothing is due. */
  async readAhead(nowMs: number): Promise<void> {
    if (this.behind && this.isCrowdBehind) await this.ahead.prepare(this.behind.score, nowMs);
  }

  /** Removes tasks that were moved or have changed. */
  drop(tasks: readonly Waiting[]): void {
    for (const { id } of tasks) this.known.delete(id);
    while (this.head < this.row.length && !this.known.has(this.row[this.head]!.id)) this.head += 1;
  }

  /** Drops everything; the next call reads it again. */
  clear(): void {
    this.known.clear();
    this.ahead.clear();
    this.row = [];
    this.head = 0;
  }

  /** When to check again, never before `nowMs`; `undefined` when nothing waits. */
  nextDueAtMs(nowMs: number): number | undefined {
    const next = this.row[this.head]?.dueAtMs;
    // A score is the exact time rounded up: a task after it is due up to a second earlier than its score.
    const later =
      this.behind && (this.ahead.beginsAtMs(this.behind.score) ?? fromS(scoreOf(this.behind.score) - 1) + 1);
    if (next === undefined && later === undefined) return undefined;
    return Math.max(Math.min(next ?? Infinity, later ?? Infinity), nowMs);
  }

  private async refresh(nowMs: number): Promise<void> {
    if (this.known.size > 0 || this.ahead.size > 0) await this.recheckRescheduled();
    if (this.known.size > PAGE && (await this.isComplete())) return;
    const { entries, behind, isCrowdBehind } = await readSeconds(this.redis, this.source, ceilS(nowMs));
    const known = ({ id, score }: ScoredId): Waiting | undefined =>
      [this.known.get(id), this.ahead.get(id)].find((waiting) => waiting?.score === score);
    const read = new Map((await this.read(entries.filter((entry) => !known(entry)))).map((one) => [one.id, one]));
    const row = entries.flatMap((entry) => known(entry) ?? read.get(entry.id) ?? []);
    for (const { id } of row) this.ahead.delete(id);
    this.known = new Map(row.map((waiting) => [waiting.id, waiting])); // an id may be in two pages
    this.row = [...this.known.values()].sort((a, b) => a.dueAtMs - b.dueAtMs);
    this.head = 0;
    this.upTo = entries.at(-1)?.score ?? '-inf';
    this.behind = behind;
    this.isCrowdBehind = isCrowdBehind;
  }

  /** Whether Redis holds as many entries as the plan. */
  private async isComplete(): Promise<boolean> {
    const [count, behind] = (await this.redis.pipeline('ZCOUNT', (pipeline) => {
      pipeline
        .zcount(this.source, '-inf', this.upTo)
        .zrangebyscore(this.source, `(${this.upTo}`, '+inf', 'WITHSCORES', 'LIMIT', 0, GLANCE);
    })) as [number, string[]];
    const after = toScoredIds(behind);
    this.behind = after[0];
    this.isCrowdBehind = after.length === GLANCE && after[0]!.score === after.at(-1)!.score;
    return count === this.known.size;
  }

  /** A task rescheduled within its second keeps its score. */
  private async recheckRescheduled(): Promise<void> {
    const read = this.redis.command('SRANDMEMBER', (client) =>
      client.srandmember(keys.rescheduled(this.queue), PAGE + 1),
    );
    const ids = await this.redis.orElse(read, undefined);
    if (!ids || ids.length > PAGE) return this.clear();
    const before = ids.flatMap((id) => [this.known.get(id) ?? [], this.ahead.get(id) ?? []].flat());
    const now = new Map((await this.read(before)).map((waiting) => [waiting.id, waiting]));
    for (const { id, dueText } of before) {
      if (now.get(id)?.dueText === dueText) continue;
      this.known.delete(id);
      this.ahead.delete(id);
    }
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
        const dueText = replies[2 * i]?.toString() ?? '';
        const group = replies[2 * i + 1];
        if (group === 0) {
          orphans.push(id);
          return;
        }
        const dueAtMs = exactDueAtMs(scoreOf(score), dueText || null);
        waiting.push({ id, score, dueText, dueAtMs, group: group?.toString() ?? '' });
      });
    }
    if (orphans.length > 0) await dropOrphans(this.redis, this.queue, orphans);
    return waiting;
  }
}

/**
 * The entries with the lowest scores, up to second `lastS`, and the first entry after them. More than a page is cut at
 * a whole second, so that the tasks of each second can be sorted. An entry that moves back while pages are read, because
 * others are added before it, is in two of them.
 */
async function readSeconds(
  redis: RedisLink,
  source: string,
  lastS: number,
): Promise<{ entries: ScoredId[]; behind: ScoredId | undefined; isCrowdBehind: boolean }> {
  const entries: ScoredId[] = [];
  for (let size = FIRST_PAGE; ; size = PAGE) {
    const from = entries.length;
    const flat = await redis.command('ZRANGE', (client) =>
      client.zrange(source, String(from), String(from + size - 1), 'WITHSCORES'),
    );
    const page = toScoredIds(flat);
    for (const entry of page) {
      const isNextSecond = entry.score !== entries.at(-1)?.score;
      if (scoreOf(entry.score) > lastS || (isNextSecond && entries.length >= PAGE)) {
        return { entries, behind: entry, isCrowdBehind: page.length === size && page.at(-1)!.score === entry.score };
      }
      entries.push(entry);
    }
    if (page.length < size) return { entries, behind: undefined, isCrowdBehind: false };
  }
}
