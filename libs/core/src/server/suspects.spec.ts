import { describe, expect, it } from 'vitest';
import type { Broker } from '../broker/contract/broker.js';
import { Client } from '../client/client.js';
import { Inspector } from '../inspector/inspector.js';
import { silentLogger } from '../runtime/logger.js';
import { openMemoryQueue } from '../test-support/test-queue.js';
import type { Handler } from '../task/task-context.js';
import { Server } from './server.js';

const CONCURRENCY = 10;
/** Of one poison task: twice in a full company, once with one other, then alone, once more than `maxCrashes`. */
const MOST_DEATHS = 3 + 5 + 1;

/** A broker as a server has it, until the process of that dies: then no call is answered. */
function mortal(broker: Broker): { readonly broker: Broker; readonly die: () => void } {
  let isDead = false;
  const get = (target: Broker, name: string | symbol): unknown => {
    const member: unknown = Reflect.get(target, name, target);
    if (typeof member !== 'function') return member;
    return (...args: unknown[]): unknown =>
      isDead ? new Promise(() => undefined) : (member as (...given: unknown[]) => unknown).apply(target, args);
  };
  return { broker: new Proxy(broker, { get }), die: () => (isDead = true) };
}

/** So many servers of two queues, each started again when it dies. Tasks of type `poison` kill their server. */
function openFleet(size: number) {
  const queue = openMemoryQueue();
  const { clock, name } = queue;
  const queues = [name, `${name}-other`] as const;
  const shared = { connection: queue.broker, logger: silentLogger };
  const client = new Client(shared);
  const inspector = new Inspector(shared);
  const servers: Server[] = [];
  const ended: string[] = [];
  /** Of each server that died: the tasks that it had in hand. */
  const losses: string[][] = [];
  const start = async (): Promise<void> => {
    const { broker, die } = mortal(queue.broker);
    const inHand = new Set<string>();
    const handler: Handler = async (_, { id, type }) => {
      inHand.add(id);
      await new Promise<void>((resolve) => void clock.setTimer(resolve, type === 'poison' ? 50 : 100));
      if (type !== 'poison') {
        inHand.delete(id);
        ended.push(id);
        return;
      }
      die();
      losses.push([...inHand]);
      void start();
      await new Promise(() => undefined);
    };
    const server = new Server({
      ...shared,
      connection: broker,
      queues: { [queues[0]]: 1, [queues[1]]: 1 },
      concurrency: CONCURRENCY,
    });
    servers.push(server);
    await server.start(handler);
  };
  const isDone = async (): Promise<boolean> => {
    const infos = await Promise.all(queues.map((each) => inspector.queueInfo(each)));
    return infos.every(({ size: tasks, archived }) => tasks === archived);
  };
  const untilDone = async (): Promise<void> => {
    while (!(await isDone())) await clock.advance('5s');
  };
  const enqueue = (type: string, count: number, each: string = name): Promise<unknown> =>
    client.enqueueMany(
      Array.from({ length: count }, (_, i) => ({ type, options: { queue: each, taskId: `${type}-${i} ${each}` } })),
    );
  return {
    queues,
    clock,
    inspector,
    ended,
    losses,
    enqueue,
    untilDone,
    start: async (): Promise<void> => {
      for (let i = 0; i < size; i++) await start();
    },
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await Promise.all([clock.advance('1m'), ...servers.map((server) => server.shutdown())]);
      await queue[Symbol.asyncDispose]();
    },
  };
}

describe('tasks that were in hand when their server died', { timeout: 20_000 }, () => {
  it.each([
    { servers: 1, poison: 1, harmless: 9 },
    { servers: 1, poison: 3, harmless: 27 },
    { servers: 3, poison: 3, harmless: 40 },
  ])(
    'end unharmed, but for $poison that kill $servers server(s) again and again',
    async ({ servers, poison, harmless }) => {
      await using fleet = openFleet(servers);
      const [queue, other] = fleet.queues;
      await fleet.enqueue('poison', poison);
      await fleet.enqueue('harmless', harmless);
      await fleet.enqueue('harmless', 5, other);
      await fleet.start();

      await fleet.untilDone();

      const archived = await fleet.inspector.listTasks(queue, 'archived');
      expect(new Set(fleet.ended).size).toBe(harmless + 5);
      expect(archived.map(({ type }) => type)).toEqual(Array<string>(poison).fill('poison'));
      expect(await fleet.inspector.queueInfo(other)).toMatchObject({ size: 0, failedTotal: 0 });
      expect(fleet.losses.length).toBeLessThanOrEqual(poison * MOST_DEATHS);
      expect(fleet.losses.filter(({ length }) => length === 1)).toHaveLength(poison * 6);
    },
  );
});
