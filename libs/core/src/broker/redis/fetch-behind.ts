import { type Redis, ReplyError } from 'ioredis';
import * as scripts from '../../scripts/scripts.generated.js';
import { monotonicMs } from '../../runtime/clock.js';
import { keys } from '../../wire/keys.js';
import type { FetchReply } from '../contract/lease.js';
import type { NextFetch } from '../contract/wake.js';
import type { LaneCall } from './call-lanes.js';
import { type FetchReplyFields, readFetched, sourceKeys, type StoredTasks, tasksIn } from './fetched-tasks.js';
import { renewLate } from './lease-claims.js';
import { isRefusal, isUnknownRefusal, isUnknownScript, unexpectedReply } from './redis-failure.js';
import type { RedisLink } from './redis-link.js';
import { runScript } from './script-sender.js';
import type { UnansweredFetches } from './unanswered-fetches.js';

const { fetchNext } = scripts;
/** How long a server only peeks after another one was found to stand by; that is so as a rule, or never. */
const BESIDE_OTHERS_MS = 30_000;
const KEY_COUNT = fetchNext.layout.keys.length;

/** What a fetch behind answered. */
interface Answer {
  readonly isPaused: boolean;
  readonly remaining: number;
  /** 0 without a task. */
  readonly leaseExpiresAtS: number;
  readonly tasks: StoredTasks;
}

/**
 * Fetches the next task of a queue in the round trip that waits for it: the script is sent right behind a command that blocks
 * until there is a task, on the same connection, and Redis runs it as soon as that has been answered. Where another server stands
 * by it takes nothing: that one takes the task if this one does not answer.
 */
export class FetchBehind {
  private isRefused = false;
  /** Until when another server stands by; monotonic. */
  private readonly besideOthersUntilMs = new Map<string, number>();
  /** Connections to servers that have the script. */
  private readonly loaded = new WeakSet<Redis>();

  constructor(
    private readonly redis: RedisLink,
    private readonly unanswered: UnansweredFetches,
  ) {}

  /** Tasks of fetches whose replies were lost return to the queue; to be called before the next wait, and after the last. */
  returnTasks(queue: string): Promise<void> {
    return this.unanswered.returnTasks(queue);
  }

  /**
   * @param block sends the command that blocks; its reply is `null` when no task came
   * @returns `true`: there may be tasks, but none was fetched; `false`: no task came
   */
  async fetch(
    client: Redis,
    queue: string,
    next: NextFetch,
    block: () => Promise<unknown>,
  ): Promise<FetchReply | boolean> {
    const nowMs = monotonicMs(this.redis.clock);
    if (this.isRefused || nowMs < (this.besideOthersUntilMs.get(queue) ?? 0)) return (await block()) !== null;
    this.load(client);
    const [blocked, fetched] = await Promise.allSettled([
      block(),
      this.unanswered.fetch(queue, (call) => this.send(client, queue, next, call)),
    ]);
    if (fetched.status === 'rejected') throw fetched.reason;
    const answer = fetched.value;
    if (answer?.isPaused || answer?.tasks.ids.length) return this.read(queue, next, answer);
    if (blocked.status === 'rejected') throw blocked.reason;
    if (!answer) return true;
    const { remaining } = answer;
    if (remaining > 0) this.besideOthersUntilMs.set(queue, monotonicMs(this.redis.clock) + BESIDE_OTHERS_MS);
    return remaining > 0;
  }

  /** In the background: until it is loaded, fetches behind are refused, and ordinary ones follow. */
  private load(client: Redis): void {
    if (this.loaded.has(client)) return;
    const { lua, sha1 } = this.redis.scriptForm(fetchNext, KEY_COUNT);
    if (sha1 === undefined) return;
    client.script('LOAD', lua).then(
      () => this.loaded.add(client),
      () => undefined,
    );
  }

  /** `undefined`: the server has not run the script. */
  private async send(
    client: Redis,
    queue: string,
    { leaseMs, withSince }: NextFetch,
    call: LaneCall,
  ): Promise<Answer | undefined> {
    const flatKeys = fetchNext.flattenKeys({ ...sourceKeys(queue, call), standby: keys.standby(queue) });
    const args = fetchNext.flattenArgs(
      { leaseMs, taskPrefix: keys.taskPrefix(queue), call: call.nth, withSince: withSince ? 1 : 0 },
      [],
    );
    const form = this.redis.scriptForm(fetchNext, KEY_COUNT);
    try {
      const reply = await runScript(client, form, flatKeys, args);
      const tasks = fetchNext.layout.reply.accepts(reply, 0) && tasksIn(reply as FetchReplyFields);
      if (!tasks) throw unexpectedReply(fetchNext, reply);
      const [isPaused, remaining, leaseExpiresAtS] = reply as FetchReplyFields;
      return { isPaused: isPaused === 1, remaining, leaseExpiresAtS, tasks };
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error; // it may have run
      if (isUnknownScript(error)) this.loaded.delete(client);
      else if (isRefusal(error) || isUnknownRefusal(error)) this.isRefused = true;
      return undefined; // the fetch that follows meets the same failure, and reports it
    }
  }

  private async read(queue: string, { leaseMs }: NextFetch, answer: Answer): Promise<FetchReply> {
    const { isPaused, remaining, leaseExpiresAtS } = answer;
    const { tasks, orphans } = await readFetched(this.redis, queue, answer.tasks, leaseExpiresAtS);
    const own = await renewLate(this.redis, queue, tasks, leaseMs);
    return { tasks: own, isPaused, remaining, ...(orphans.length > 0 && { orphans }) };
  }
}
