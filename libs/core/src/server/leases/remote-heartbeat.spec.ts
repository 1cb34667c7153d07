import { EventEmitter, once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../runtime/logger.js';
import { failingBroker } from '../../test-support/failing-broker.js';
import { openMemoryQueue } from '../../test-support/test-queue.js';
import { ceilS } from '../../wire/unix-time.js';
import type { CancelRequest } from './heartbeater.js';
import type { LeaseRecord } from './lease-record.js';
import { LeaseTable, type TaskRef } from './lease-table.js';
import { Pulse } from './pulse.js';
import { RecordPool } from './record-pool.js';
import type { TaskDescription } from './shown-tasks.js';
import { beatInThread, type HeartbeatWorker, RemoteHeartbeat } from './remote-heartbeat.js';

const settings = {
  identity: {
    host: 'h',
    pid: 42,
    serverId: 's',
    concurrency: 10,
    queues: { default: 1 },
    strictPriority: false,
    startedAtMs: 1_700_000_000_000,
  },
  intervalMs: 5_000,
  leaseMs: 30_000,
};
const shownServer = { ...settings.identity, status: 'active', activeWorkerCount: 0 } as const;

/** A fake worker: its other end runs in this thread, but messages are copied as between threads. */
class ChannelWorker extends EventEmitter implements HeartbeatWorker {
  readonly threadEnd: MessagePort;
  private readonly mainEnd: MessagePort;
  isRef = true;
  isTerminated = false;

  constructor() {
    super();
    const channel = new MessageChannel();
    this.mainEnd = channel.port1;
    this.threadEnd = channel.port2;
    this.mainEnd.on('message', (message) => this.emit('message', message));
    this.mainEnd.on('close', () => this.emit('exit', 0));
  }

  postMessage(message: unknown): void {
    this.mainEnd.postMessage(message);
  }

  ref(): void {
    this.isRef = true;
  }

  unref(): void {
    this.isRef = false;
  }

  async terminate(): Promise<number> {
    this.isTerminated = true;
    this.mainEnd.close();
    return 1;
  }
}

const workers: ChannelWorker[] = [];
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.terminate();
});

function openThread({ deaf = false } = {}) {
  const q = openMemoryQueue();
  const broker = failingBroker(q.broker);
  const worker = new ChannelWorker();
  workers.push(worker);
  const reports = new EventEmitter();
  const descriptions = new Map<number, TaskDescription>();
  const listener = {
    describe: (tasks: readonly TaskRef[]) => Promise.resolve(tasks.map(({ key }) => descriptions.get(key))),
    onLost: (tasks: readonly TaskRef[]) => void reports.emit('lost', tasks),
    onCancelRequests: (requests: readonly CancelRequest[]) => void reports.emit('cancelRequests', requests),
    onDeath: (error: Error) => void reports.emit('death', error),
  };
  const logger = {
    ...silentLogger,
    warn: (message: string, fields?: object) => void reports.emit('warn', message, fields),
  };
  const next = new Pulse(10_000);
  next.announce(ceilS(q.clock.nowMs() + 30_000));
  const heartbeat = new RemoteHeartbeat(() => worker, listener, { clock: q.clock, logger });
  const data = { connection: { url: 'redis://there' }, settings, pulse: next.buffer };
  if (!deaf) beatInThread(worker.threadEnd, data, () => broker, q.clock);
  heartbeat.start();
  /** Waits until the other thread has received all messages so far. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const pool = new RecordPool(new LeaseTable(), (news) => heartbeat.learn(news));
  let lastKey = 0;
  const take = async (ids: readonly string[], returnAtMs?: number): Promise<LeaseRecord[]> => {
    await q.broker.enqueue(ids.map((id) => ({ message: q.message(id) })));
    const { tasks } = await q.broker.fetch(q.name, ids.length, 30_000);
    const endsAtMs = q.clock.monotonicMs() + 60_000;
    const records = tasks.map(({ message: { id, type, payload, queue }, leaseExpiresAtS }) => {
      const key = ++lastKey;
      const shown = Buffer.from(payload).toString('latin1');
      descriptions.set(key, { type, payload: shown, startedAtMs: 1_000, deadlineMs: 2_000 });
      return pool.take({ key, id, queue, leaseExpiresAtS, returnAtMs, endsAtMs });
    });
    await settle();
    return records;
  };
  const run = (...ids: string[]): Promise<LeaseRecord[]> => take(ids);
  return { q, clock: q.clock, broker, worker, heartbeat, reports, next, run, take, settle };
}

describe('RemoteHeartbeat', () => {
  it('beats at once, without keeping the process alive', async () => {
    const { q, clock, worker } = openThread();

    await clock.advance(0);

    expect(await q.presence(shownServer)).toBeDefined();
    expect(worker.isRef).toBe(false);
  });

  it('extends leases that the main thread reads from shared memory', async () => {
    const { q, clock, next, run } = openThread();
    const [lease] = await run('a');

    await clock.advance('5s');

    const score = (await q.dump()).leases['a'];
    expect(score).toBe(ceilS(clock.nowMs()) + 30);
    expect(lease!.confirmedS).toBe(score);
    expect(next.expiresAtS).toBe(score! + 5);
  });

  it('reports lost leases to the main thread', async () => {
    const { q, clock, reports, run } = openThread();
    const [, second] = await run('a', 'b');
    const expiriesS = [second!.confirmedS];
    await q.broker.extendLeases(q.name, [{ id: 'b', expiriesS }], 4_000_000_000);

    const lost = once(reports, 'lost');
    await clock.advance('5s');

    expect(await lost).toEqual([[{ slot: 1, key: 2 }]]);
  });

  it('reports tasks to cancel to the main thread', async () => {
    const { q, clock, reports, run } = openThread();
    await run('a', 'b');
    await q.broker.requestCancel(q.name, 'b', 'archive');

    const requests = once(reports, 'cancelRequests');
    await clock.advance('5s');

    expect(await requests).toEqual([[{ queue: q.name, id: 'b', outcome: 'archive' }]]);
  });

  it('asks the main thread what inspectors see of a running task', async () => {
    const { q, clock, run } = openThread();
    await run('a');

    await clock.advance('5s');

    const shown = { a: expect.objectContaining({ startedAtMs: 1_000, deadlineMs: 2_000 }) as unknown };
    await expect.poll(async () => (await q.presence(shownServer))?.workers).toEqual(shown);
  });

  it('returns held tasks that the main thread has not begun', async () => {
    const { q, clock, heartbeat, next, take, settle } = openThread();
    await clock.advance(0);
    const isResting = next.resumeWatch();
    const [first, second] = await take(['a', 'b'], clock.monotonicMs() + 50);
    first!.begin(Infinity);

    heartbeat.watchHeld();
    await settle();
    await clock.advance('1s');

    expect(isResting).toBe(true);
    expect(second!.begin(Infinity)).toBe(false);
    expect(await q.dump()).toMatchObject({ nextUp: ['b'], active: ['a'] });
  });

  it('publishes the given status', async () => {
    const { q, clock, heartbeat, settle } = openThread();
    heartbeat.setStatus('stopped');
    await settle();

    await clock.advance('5s');

    expect((await q.presence(shownServer))?.server.status).toBe('stopped');
  });

  it('logs in the main thread, errors as text', async () => {
    const { clock, broker, reports } = openThread();
    broker.failNext('writePresence', { times: 1 });

    const warned = once(reports, 'warn');
    await clock.advance('5s');
    const [message, fields] = (await warned) as [string, { error: unknown }];

    expect(message).toMatch(/^presence of the server failed; next attempt in \d+ ms$/);
    expect(fields.error).toMatch(/Redis failed at writePresence/);
  });

  it('deregisters, closes its connection and ends at stop', async () => {
    const { q, clock, worker, heartbeat } = openThread();
    await clock.advance(0);

    await heartbeat.stop();

    expect(await q.presence(shownServer)).toBeUndefined();
    expect(worker.isTerminated).toBe(false);
    expect(worker.isRef).toBe(true); // the process waits for it
  });

  it('terminates a thread that does not answer', async () => {
    const { clock, worker, heartbeat, settle } = openThread({ deaf: true });
    worker.threadEnd.postMessage({ kind: 'begun' });
    await settle();

    const stopping = heartbeat.stop();
    await clock.advance('5s');
    await stopping;

    expect(worker.isTerminated).toBe(true);
  });

  it('has begun when its thread says so, and can be abandoned before', async () => {
    const begun = openThread();
    const starting = openThread({ deaf: true });
    await begun.settle();

    await starting.heartbeat.abandon();

    expect([begun.heartbeat.hasBegun, starting.heartbeat.hasBegun]).toEqual([true, false]);
    expect([begun.worker.isTerminated, starting.worker.isTerminated]).toEqual([false, true]);
  });

  it('reports a death with its cause', async () => {
    const { worker, reports } = openThread({ deaf: true });
    const cause = new Error('out of memory');

    const death = once(reports, 'death');
    worker.emit('error', cause);
    worker.emit('exit', 1);

    expect(await death).toEqual([cause]);
  });

  it('reports a thread that ends without a cause', async () => {
    const { worker, reports } = openThread({ deaf: true });

    const death = once(reports, 'death');
    worker.emit('exit', 13);

    expect(await death).toEqual([new Error('the thread ended with code 13')]);
  });
});
