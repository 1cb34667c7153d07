import { type Broker } from '@nestjs-asynq/core/internal';
import { Client, Inspector, openBroker, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { describe, expect, it, vi } from 'vitest';
import { AsynqCommand } from '../support/asynq-command.js';
import { sleep } from '../support/load.js';
import { type RedisCluster, startCluster } from '../support/redis-server.js';

/** Longer than a connection may be silent. */
const SILENT_MS = 9_000;
/** A call consists of a few sequential commands, each of which waits at most 5 s. */
const BOUND_MS = 20_000;
const WAIT = { timeout: 30_000, interval: 50 };

const serverOf = (pid: number) => ({
  host: 'machine',
  pid,
  serverId: 'id',
  concurrency: 1,
  queues: { default: 1 },
  strictPriority: false,
  status: 'active' as const,
  startedAtMs: 0,
  activeWorkerCount: 0,
});

/** A cluster of its own for each test: they wait for silent masters most of the time, and do that all at once. */
class Fleet implements AsyncDisposable {
  readonly command: AsynqCommand;
  readonly connection: { readonly cluster: RedisCluster['addresses'] };

  private constructor(
    readonly cluster: RedisCluster,
    /** One on each node. */
    readonly queues: readonly string[],
  ) {
    const addresses = cluster.nodes.map(({ host, port }) => `${host}:${port}`).join(',');
    this.command = new AsynqCommand(['--cluster', '--cluster_addrs', addresses]);
    this.connection = { cluster: cluster.addresses };
  }

  static async start(): Promise<Fleet> {
    const cluster = await startCluster(3, { args: ['--cluster-require-full-coverage', 'no'] });
    return new Fleet(cluster, await cluster.queuePerNode('mail'));
  }

  /** The node of a key. */
  async nodeOf(key: string): Promise<number> {
    const client = new Redis(this.cluster.nodes[0]!.url);
    const slot = await client.cluster('KEYSLOT', key);
    client.disconnect();
    return Math.floor((slot * this.cluster.nodes.length) / 16_384);
  }

  /** A node that holds neither the names of the servers nor those of the workers. */
  async otherNode(): Promise<number> {
    const taken = new Set([await this.nodeOf('asynq:servers'), await this.nodeOf('asynq:workers')]);
    return [0, 1, 2].find((node) => !taken.has(node))!;
  }

  /** A server whose own key is on that node. */
  async serverOn(node: number) {
    for (let pid = 1; ; pid++) {
      if ((await this.nodeOf(`asynq:servers:{machine:${pid}:id}`)) === node) return serverOf(pid);
    }
  }

  async whileSilent<T>(node: number, work: () => Promise<T>): Promise<T> {
    await this.cluster.nodes[node]!.freeze();
    try {
      return await work();
    } finally {
      await this.cluster.nodes[node]!.thaw();
    }
  }

  async withBroker<T>(work: (broker: Broker) => Promise<T>): Promise<T> {
    const broker = openBroker(this.connection, { logger: silentLogger });
    try {
      await broker.queueNames(); // connects
      return await work(broker);
    } finally {
      await broker.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cluster.stop();
  }
}

describe.concurrent('a master of a cluster that falls silent', () => {
  it.each(['asynq:servers', 'asynq:workers'])(
    'does not hide servers on the others, when it holds %s',
    async (index) => {
      await using fleet = await Fleet.start();
      const silent = await fleet.nodeOf(index);
      const server = await fleet.serverOn((silent + 1) % 3);
      const worker = {
        ...server,
        taskId: 'a',
        taskType: 't',
        taskPayload: new Uint8Array(),
        queue: 'q',
        deadlineMs: 0,
      };

      const isShown = await fleet.withBroker(async (broker) => {
        await fleet.whileSilent(silent, async () => {
          await broker.writePresence(server, [worker], 60).catch(() => undefined);
          await broker.writePresence(server, [worker], 60).catch(() => undefined); // while the first still waits
        });
        const node = new Redis(fleet.cluster.nodes[(silent + 1) % 3]!.url);
        const count = await node.exists(`asynq:servers:{machine:${server.pid}:id}`);
        node.disconnect();
        return count === 1;
      });

      expect(isShown).toBe(true);
    },
  );

  it('is named by inspector calls, which return the data of the others', { timeout: 4 * BOUND_MS }, async () => {
    await using fleet = await Fleet.start();
    const silent = await fleet.otherNode();
    const [on, off] = [await fleet.serverOn((silent + 1) % 3), await fleet.serverOn(silent)];

    const { names, unanswered, listed, shown } = await fleet.withBroker(async (broker) => {
      await broker.writePresence(on, [], 60);
      await broker.writePresence(off, [], 60);
      await using inspector = new Inspector({ connection: fleet.connection, logger: silentLogger });
      await inspector.servers();
      return await fleet.whileSilent(silent, async () => {
        const unanswered: string[] = [];
        const servers = await inspector.servers({ onUnanswered: (part) => void unanswered.push(part) });
        const refused = await inspector.servers().catch((error: unknown) => error);
        expect(refused).toBeInstanceOf(Error);
        const listed = await fleet.command.run('server', 'ls');
        return {
          names: servers.map(({ pid }) => pid),
          unanswered,
          listed,
          shown: await fleet.command.run('server', 'ls', '--json'),
        };
      });
    });

    expect(names).toContain(on.pid);
    expect(names).not.toContain(off.pid);
    expect(unanswered).toContain(`asynq:servers:{machine:${off.pid}:id}`);
    expect(listed.status).toBe(1);
    expect(listed.stdout).toContain(String(on.pid));
    expect(listed.stderr).toContain(`no answer about asynq:servers:{machine:${off.pid}:id}: `);
    expect(JSON.parse(shown.stdout)).toContainEqual(expect.objectContaining({ pid: on.pid }));
  });

  it(
    'is named by commands that read queues, which print the data of the others',
    { timeout: 6 * BOUND_MS },
    async () => {
      await using fleet = await Fleet.start();
      const { queues } = fleet;
      await using client = new Client({ connection: fleet.connection, logger: silentLogger });
      for (const queue of queues) await client.enqueue('mail', {}, { queue });
      const silent = ((await fleet.nodeOf('asynq:queues')) + 1) % 3;

      const [listed, stats, inspected] = await fleet.whileSilent(silent, async () => [
        await fleet.command.run('queue', 'ls'),
        await fleet.command.run('stats'),
        await fleet.command.run('queue', 'inspect', ...queues),
      ]);

      for (const queue of queues) expect(listed.stdout).toContain(queue);
      for (const { stdout, stderr, status } of [stats, inspected]) {
        for (const [node, queue] of queues.entries()) expect(stdout.includes(queue)).toBe(node !== silent);
        expect(stderr).toMatch(`no answer about "${queues[silent]}": `);
        expect(status).toBe(1);
      }
    },
  );

  it('has its tasks run once it answers again', { timeout: 6 * BOUND_MS }, async () => {
    await using fleet = await Fleet.start();
    const { connection, queues } = fleet;
    await using client = new Client({ connection, logger: silentLogger });
    const ran = new Set<string>();
    await using server = new Server({
      connection,
      queues: Object.fromEntries(queues.map((queue) => [queue, 1])),
      logger: silentLogger,
    });
    await server.start((_payload, { id }) => void ran.add(id));
    const queue = queues[1]!;
    const enqueue = (taskId: string, processIn = 0) => client.enqueue('mail', {}, { queue, taskId, processIn });
    await enqueue('before');
    await vi.waitUntil(() => ran.has('before'), WAIT);
    const due = Array.from({ length: 20 }, (_, number) => `due-${number}`);
    for (const id of due) await enqueue(id, 3_000);

    await fleet.whileSilent(1, () => sleep(SILENT_MS));
    await enqueue('after');

    await vi.waitUntil(() => [...due, 'after'].every((id) => ran.has(id)), WAIT);
    expect([...ran]).toEqual(expect.arrayContaining([...due, 'after']));
  });

  it('does not prevent the inspection of queues on other nodes, when it holds the names of all queues', async () => {
    await using fleet = await Fleet.start();
    const silent = await fleet.nodeOf('asynq:queues');
    const queue = fleet.queues[(silent + 1) % 3]!;
    await using client = new Client({
      connection: fleet.connection,
      logger: silentLogger,
      partitions: { split: 6 },
    });
    await using inspector = new Inspector({ connection: fleet.connection, logger: silentLogger });
    await client.enqueue('mail', {}, { queue, taskId: 'named', processIn: '1h' });
    await client.enqueueMany(Array.from({ length: 60 }, () => ({ type: 'mail', options: { queue: 'split' } })));
    await inspector.queues(); // connects

    await fleet.whileSilent(silent, async () => {
      expect(await inspector.queueInfo(queue)).toMatchObject({ queue, scheduled: expect.any(Number) as number });
      expect((await inspector.listTasks(queue, 'scheduled')).map(({ id }) => id)).toContain('named');
      await inspector.archiveTask(queue, 'named');
      expect(await inspector.taskInfo(queue, 'named')).toMatchObject({ state: 'archived' });
      expect([await inspector.pauseQueue(queue), await inspector.unpauseQueue(queue)]).toEqual([true, true]);
      // The number of its partitions is unknown: no answer is better than a wrong one.
      await expect(inspector.queueInfo('split')).rejects.toMatchObject({ code: 'REDIS_COMMAND' });
    });
  }, 60_000);
});
