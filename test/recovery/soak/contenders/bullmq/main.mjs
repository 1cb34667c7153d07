// Stands in the recovery trial for BullMQ: as a worker, or as a client.
//
//   node main.mjs worker '{"connection": {"url": "redis://..."}, "queues": ["mail"], "concurrency": 20, "leaseMs": 3000}'
//   node main.mjs client '{"connection": {"url": "redis://..."}}'
//
// It writes JSON lines to stdout; `program.ts` beside this folder describes them. A client ends when its stdin does.
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Queue, Worker } from 'bullmq';
import { Cluster } from 'ioredis';

const [role, text] = process.argv.slice(2);
const settings = JSON.parse(text);
const report = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** As its guide has it: options, from which each part makes its own connections, or a client of a cluster. */
function connect({ url, cluster }) {
  if (cluster) return new Cluster(cluster, { redisOptions: { maxRetriesPerRequest: null } });
  const { protocol, hostname: host, port, password, searchParams } = new URL(url);
  if (protocol === 'redis:') return { host, port };
  return { sentinels: [{ host, port }], name: searchParams.get('master'), sentinelPassword: password };
}

/** In a cluster, the keys of a queue must share a slot. */
const options = (queue) => ({ connection: connect(settings.connection), prefix: `{${queue}}` });

async function work({ queues, concurrency, leaseMs }) {
  for (const level of ['warn', 'error']) {
    console[level] = (...args) => report({ kind: level, message: args.map((arg) => inspect(arg)).join(' ') });
  }
  const share = Math.ceil(concurrency / queues.length); // a worker serves one queue
  const workers = queues.map((queue) => {
    const worker = new Worker(queue, handle, {
      ...options(queue),
      concurrency: share,
      lockDuration: leaseMs,
      stalledInterval: leaseMs,
      maxStalledCount: 25, // as often as the others retry
      removeOnComplete: { count: 0 },
    });
    worker.on('completed', ({ id }) => report({ kind: 'succeeded', id, atMs: Date.now() }));
    worker.on('error', (error) => console.error(error));
    return worker;
  });
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  report({ kind: 'ready' });

  process.once('SIGTERM', async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    process.exit();
  });
}

async function handle({ id, data }) {
  report({ kind: 'started', id, atMs: Date.now() });
  await delay(data.ms);
  report({ kind: 'ended', id, atMs: Date.now() });
}

/** Answers each line of stdin when its call has ended; none waits for another. */
function serveCalls() {
  const opened = new Map();
  const open = (name) => {
    const queue = opened.get(name) ?? new Queue(name, options(name));
    if (!opened.has(name)) queue.on('error', () => undefined); // the calls tell
    opened.set(name, queue);
    return queue;
  };
  const operations = {
    async enqueue({ queue, id, ms, processInMs }) {
      await open(queue).add('work', { ms }, { jobId: id, attempts: 26, delay: processInMs });
    },
    async openTasks({ queue }) {
      return open(queue).getJobCountByTypes('active', 'delayed', 'paused', 'prioritized', 'waiting');
    },
    async stateOf({ queue, id }) {
      const job = await open(queue).getJob(id);
      const state = await job?.getState();
      return state === 'failed' ? 'archived' : state;
    },
  };
  createInterface(process.stdin)
    .on('line', async (line) => {
      const { call, op, ...args } = JSON.parse(line);
      try {
        report({ call, reply: await operations[op](args) });
      } catch (error) {
        report({ call, error: String(error) });
      }
    })
    .on('close', () => process.exit());
  report({ kind: 'ready' });
}

if (role === 'worker') await work(settings);
else serveCalls();
