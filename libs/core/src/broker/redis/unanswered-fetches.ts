import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { CallLanes, type LaneCall } from './call-lanes.js';
import { readIds } from './fetched-tasks.js';
import type { RedisLink } from './redis-link.js';

/** What a fetch leaves in Redis; see `scripts/include/mark-fetch.lua`. */
interface Mark {
  readonly nth: number;
  readonly leaseExpiresAtS: number;
  readonly ids: readonly string[];
}

const NO_MARK = Buffer.alloc(0);

/**
 * Fetches whose replies were lost. Their tasks are leased to this server, which does not know them: before its next fetch from
 * the queue they return there, and whoever fetches them then starts them, long before their leases end.
 */
export class UnansweredFetches {
  private readonly lanes = new CallLanes();
  private readonly calls = new Map<string, readonly LaneCall[]>();

  constructor(private readonly redis: RedisLink) {}

  /** Returns the tasks of all fetches from the queue that have failed so far; to be called before the next one. */
  async returnTasks(queue: string): Promise<void> {
    for (let call = this.take(queue); call; call = this.take(queue)) {
      try {
        const count = await this.returnTasksOf(queue, call);
        if (count > 0) this.redis.logger.warn('returned tasks of a fetch that was not answered', { queue, count });
        this.lanes.close(call);
      } catch (error) {
        this.note(queue, call);
        throw error;
      }
    }
  }

  /** Runs a fetch that leaves a mark for its call. */
  async fetch<T>(queue: string, run: (call: LaneCall) => Promise<T>): Promise<T> {
    const call = this.lanes.open();
    try {
      const reply = await run(call);
      this.lanes.close(call);
      return reply;
    } catch (error) {
      this.note(queue, call);
      throw error;
    }
  }

  private note(queue: string, call: LaneCall): void {
    this.calls.set(queue, [...(this.calls.get(queue) ?? []), call]);
  }

  /** The latest comes first: each returns to the head of the queue. */
  private take(queue: string): LaneCall | undefined {
    const calls = (this.calls.get(queue) ?? []).toSorted((a, b) => a.nth - b.nth);
    const latest = calls.pop();
    if (calls.length > 0) this.calls.set(queue, calls);
    else this.calls.delete(queue);
    return latest;
  }

  /** Repeats when the fetch, which may arrive late, runs meanwhile; once the mark names a later call, it does nothing. */
  private async returnTasksOf(queue: string, call: LaneCall): Promise<number> {
    const mark = keys.fetched(queue, call.lane);
    const read = this.redis.command(
      'GET',
      (client) => client.getBuffer(mark),
      () => [[mark, 'string']],
    );
    const seen = (await this.redis.orElse(read, null)) ?? NO_MARK;
    const { nth, leaseExpiresAtS, ids } = readMark(seen);
    const own = nth === call.nth ? ids : [];
    const returned = await this.redis.run(
      scripts.returnUnanswered,
      {
        active: keys.active(queue),
        lease: keys.lease(queue),
        pending: keys.pending(queue),
        mark,
        task: own.map((id) => keys.task(queue, id)),
      },
      { call: this.lanes.next(call).nth, seen, leaseExpiresAtS, pendingSinceNs: this.redis.clock.nowNs() },
      own.map((taskId) => ({ taskId })),
    );
    return returned === -1 ? this.returnTasksOf(queue, call) : Number(returned);
  }
}

function readMark(bytes: Buffer): Mark {
  const text = bytes.toString('latin1', 0, LONGEST_HEAD);
  const [head = '', nth, leaseExpiresAtS] = /^(\d+) (\d+) /.exec(text) ?? [];
  return { nth: Number(nth), leaseExpiresAtS: Number(leaseExpiresAtS ?? 0), ids: readIds(bytes, head.length) };
}

/** Bytes: two numbers. */
const LONGEST_HEAD = 40;
