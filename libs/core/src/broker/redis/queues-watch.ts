import type { Cluster, Redis } from 'ioredis';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { systemClock } from '../../runtime/clock.js';
import { resultWithin } from '../../runtime/within.js';
import { keys } from '../../wire/keys.js';
import type { QueuesWatch, QueuesWatchListener } from '../contract/wake.js';
import { anyExist } from './existing-keys.js';
import { addressOf, isCluster, nodeOf } from './nodes.js';
import type { RedisClient } from './redis-connection.js';
import { isRedirection, toRedisError } from './redis-failure.js';
import { type RedisLink, whenReady } from './redis-link.js';

/** The channel of Redis' invalidation messages, on which nobody publishes. */
const INVALIDATIONS = '__redis__:invalidate';
/** How long queues are only polled that could not be watched: their slots move, or their node fails. */
const LOOK_AGAIN_MS = 8_000;
/** How often the connection that only receives is checked. */
const CHECK_EVERY_MS = 8_000;

interface Found {
  readonly waiting: string[];
  readonly paused: string[];
  /** Queues that the node does not hold, or is about to hand over. */
  readonly elsewhere: string[];
}

/**
 * Those of the queues that have pending tasks, by whether they are paused.
 * @throws {Error} a command failed
 */
async function findFilled(client: RedisClient, queues: readonly string[]): Promise<Found> {
  const filled = await withKey(client, queues, keys.pending);
  const paused = await withKey(client, filled.found, keys.paused);
  const elsewhere = [...filled.elsewhere, ...paused.elsewhere];
  const others = new Set([...paused.found, ...elsewhere]);
  return { waiting: filled.found.filter((queue) => !others.has(queue)), paused: paused.found, elsewhere };
}

async function withKey(client: RedisClient, queues: readonly string[], keyOf: (queue: string) => string) {
  const replies: unknown[] = [];
  await anyExist(
    client,
    queues.map((queue) => [keyOf(queue)]),
    (place, reply) => (replies[place] = reply),
  );
  const failure = replies.find((reply) => reply instanceof Error && !isRedirection(reply));
  if (failure) throw failure;
  return {
    found: queues.filter((_, i) => replies[i] === true),
    elsewhere: queues.filter((_, i) => replies[i] instanceof Error),
  };
}

/** How long the other nodes of a cluster wait for a silent one. */
const PATIENCE_MS = 500;

/** Asks the nodes of a cluster separately: one that is silent or down must not hold up the others. */
export class NodeQuestions {
  /** Nodes that have not answered the last question. */
  private readonly unanswered = new Set<string>();

  /**
   * @param ask a node about the queues that it holds
   * @throws {Error} no node answered
   */
  async askAll(
    client: RedisClient,
    queues: readonly string[],
    ask: (address: string, own: readonly string[]) => Promise<readonly string[]>,
  ): Promise<string[]> {
    if (!isCluster(client)) return [...(await ask('', queues))];
    const answers = await Promise.allSettled(
      [...byNode(client, queues)].map(([address, own]) => this.askPatiently(address, () => ask(address, own))),
    );
    const failures = answers.filter((answer) => answer.status === 'rejected');
    if (failures.length > 0 && failures.length === answers.length) throw failures[0]!.reason;
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  }

  private async askPatiently(address: string, ask: () => Promise<readonly string[]>): Promise<readonly string[]> {
    if (this.unanswered.has(address)) return [];
    this.unanswered.add(address);
    const answer = ask().finally(() => this.unanswered.delete(address));
    return (await resultWithin(systemClock, PATIENCE_MS, answer)) ?? [];
  }
}

function byNode(client: Cluster, queues: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const queue of queues) {
    const address = addressOf(nodeOf(client, keys.pending(queue)));
    const own = found.get(address);
    if (own) own.push(queue);
    else found.set(address, [queue]);
  }
  return found;
}

/** Those of the queues that have pending tasks and are not paused. */
export const waitingAmong = (client: RedisClient, queues: readonly string[], nodes: NodeQuestions): Promise<string[]> =>
  nodes.askAll(client, queues, async (_, own) => (await findFilled(client, own)).waiting);

/**
 * Watches queues by the tracking that Redis has for client-side caches: a connection reads whether keys exist, and
 * another one of the same server is sent the name of each of these keys when it first changes, whoever changes it.
 */
export class RedisQueuesWatch implements QueuesWatch {
  private readonly nodes = new Map<string, Promise<NodeWatch>>();
  private readonly questions = new NodeQuestions();
  private nextLook: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(
    private readonly redis: RedisLink,
    private readonly listener: QueuesWatchListener,
    private readonly refused: { tracking: boolean },
  ) {}

  async waiting(queues: readonly string[]): Promise<string[]> {
    return this.redis.command('EXISTS', async (client) => {
      try {
        if (!this.refused.tracking) return await this.track(client, queues);
      } catch (error) {
        if (!isPermanent(error)) throw error;
        this.noteRefusal(error);
      }
      return waitingAmong(client, queues, this.questions);
    });
  }

  async awaitChanges(queues: readonly string[]): Promise<void> {
    await this.redis.command('EXISTS', async (client) => {
      if (this.refused.tracking) return;
      try {
        await this.questions.askAll(client, queues, async (address, own) => {
          const node = await this.node(address, own[0]!);
          await node.awaitChanges(own);
          return [];
        });
      } catch (error) {
        if (!isPermanent(error)) throw error;
        this.noteRefusal(error);
      }
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.nextLook);
    for (const opening of this.nodes.values()) {
      opening.then(
        (node) => node.close(),
        () => undefined,
      );
    }
    this.nodes.clear();
  }

  private async track(client: RedisClient, queues: readonly string[]): Promise<string[]> {
    const elsewhere: string[] = [];
    const waiting = await this.questions.askAll(client, queues, async (address, own) => {
      try {
        const node = await this.node(address, own[0]!);
        const found = await node.waiting(own);
        elsewhere.push(...found.elsewhere);
        return found.waiting;
      } catch (error) {
        this.lookAgainLater();
        throw error;
      }
    });
    if (elsewhere.length === 0) return waiting;
    this.lookAgainLater();
    // The client follows their slots, and knows the nodes from then on.
    return [...waiting, ...(await waitingAmong(client, elsewhere, this.questions))];
  }

  /** For queues that could not be watched; nobody else looks at them before they have had a task. */
  private lookAgainLater(): void {
    if (this.nextLook || this.isClosed) return;
    this.nextLook = setTimeout(() => {
      this.nextLook = undefined;
      this.listener.onLost();
    }, LOOK_AGAIN_MS).unref();
  }

  private noteRefusal(error: unknown): void {
    this.refused.tracking = true;
    const reason = (error as Error).message;
    this.redis.logRefusal('Redis refuses CLIENT TRACKING: polling for tasks of further queues', { reason });
  }

  /** @param queue one that the server holds */
  private node(address: string, queue: string): Promise<NodeWatch> {
    let opening = this.nodes.get(address);
    if (!opening) {
      opening = NodeWatch.open(this.redis, queue, {
        onChange: this.listener.onChange,
        onLost: () => this.noteLost(address),
      });
      this.nodes.set(address, opening);
      opening.catch(() => this.nodes.delete(address));
    }
    return opening;
  }

  private noteLost(address: string): void {
    this.nodes.delete(address);
    if (!this.isClosed) this.listener.onLost();
  }
}

const isPermanent = (error: unknown): boolean => {
  const failure = toRedisError('CLIENT', error);
  return failure instanceof RedisCommandError && !failure.isTransient;
};

/** The two connections to one server. */
class NodeWatch {
  /** Keys whose first change is to be reported, with their queues. */
  private readonly awaited = new Map<string, string>();
  private readonly checks: NodeJS.Timeout;
  private isClosed = false;

  private constructor(
    private readonly redis: RedisLink,
    private readonly reads: Redis,
    private readonly hears: Redis,
    private readonly listener: QueuesWatchListener,
  ) {
    hears.on('messageBuffer', (channel: Buffer, changed: unknown) => this.hear(channel, changed));
    for (const client of [reads, hears]) client.once('close', () => this.lose());
    this.checks = setInterval(() => void this.check(), CHECK_EVERY_MS).unref();
  }

  static async open(redis: RedisLink, queue: string, listener: QueuesWatchListener): Promise<NodeWatch> {
    const key = keys.pending(queue);
    const hears = await redis.openConnection('subscriber', key);
    const reads = await redis.openConnection('watch', key);
    let isLost = false;
    const noteLost = (): void => void (isLost = true);
    try {
      await Promise.all([whenReady(hears), whenReady(reads)]);
      for (const client of [hears, reads]) client.once('close', noteLost);
      const id = await redis.answerOf(hears, hears.call('CLIENT', 'ID') as Promise<number>);
      await redis.answerOf(hears, hears.subscribe(keys.watchChannel)); // Redis sends to subscribed connections only
      await redis.answerOf(reads, reads.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id));
      if (isLost) throw new Error('Connection is closed.'); // it reconnects, as one that Redis does not know
      return new NodeWatch(redis, reads, hears, listener);
    } catch (error) {
      redis.closeConnection(hears);
      redis.closeConnection(reads);
      throw error;
    }
  }

  async waiting(queues: readonly string[]): Promise<Found> {
    for (const queue of queues) {
      this.awaited.set(keys.pending(queue), queue); // before the answer, which a change may overtake
      this.awaited.set(keys.paused(queue), queue);
    }
    const found = await this.redis.answerOf(this.reads, findFilled(this.reads, queues));
    const { waiting, paused, elsewhere } = found;
    for (const queue of [...waiting, ...elsewhere]) {
      this.awaited.delete(keys.pending(queue));
      this.awaited.delete(keys.paused(queue));
    }
    for (const queue of paused) this.awaited.delete(keys.pending(queue)); // further tasks make no difference
    return found;
  }

  async awaitChanges(queues: readonly string[]): Promise<void> {
    for (const queue of queues) this.awaited.set(keys.pending(queue), queue).set(keys.paused(queue), queue);
    await this.redis.answerOf(this.reads, withKey(this.reads, queues, keys.pending));
    await this.redis.answerOf(this.reads, withKey(this.reads, queues, keys.paused));
  }

  close(): void {
    this.isClosed = true;
    clearInterval(this.checks);
    this.redis.closeConnection(this.reads);
    this.redis.closeConnection(this.hears);
  }

  private hear(channel: Buffer, changed: unknown): void {
    if (this.isClosed || channel.toString() !== INVALIDATIONS) return; // what was on its way still arrives
    if (!Array.isArray(changed)) return this.lose(); // everything was deleted
    for (const key of changed.map(String)) {
      const queue = this.awaited.get(key);
      if (queue === undefined) continue;
      this.awaited.delete(keys.pending(queue));
      this.awaited.delete(keys.paused(queue));
      this.listener.onChange(queue);
    }
  }

  private lose(): void {
    if (this.isClosed) return;
    this.close();
    this.listener.onLost();
  }

  private async check(): Promise<void> {
    try {
      await this.redis.answerOf(this.hears, this.hears.subscribe(keys.watchChannel));
    } catch {
      this.lose();
    }
  }
}
