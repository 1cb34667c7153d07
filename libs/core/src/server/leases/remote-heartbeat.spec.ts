import { EventEmitter, once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../runtime/logger.js';
import { failingBroker } from '../../testing/failing-broker.js';
import { openMemoryQueue } from '../../testing/test-queue.js';
import { ceilS } from '../../wire/unix-time.js';
import type { CancelRequest, RunningBatch } from './heartbeater.js';
import { Pulse, SharedLeases } from './shared-leases.js';
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

/** Stands for a worker: its other end runs in this thread, but everything between them is copied as between threads. */
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
  const heard = new EventEmitter();
  const listener = {
    onLost: (keys: readonly number[]) => void heard.emit('lost', keys),
    onCancelRequests: (requests: readonly CancelRequest[]) => void heard.emit('cancelRequests', requests),
    onDeath: (error: Error) => void heard.emit('death', error),
  };
  const logger = {
    ...silentLogger,
    warn: (message: string, fields?: object) => void heard.emit('warn', message, fields),
  };
  const next = new Pulse(10_000);
  next.announce(ceilS(q.clock.nowMs() + 30_000));
  const heartbeat = new RemoteHeartbeat(() => worker, listener, { clock: q.clock, logger });
  const data = { connection: { url: 'redis://there' }, settings, pulse: next.buffer };
  if (!deaf) beatInThread(worker.threadEnd, data, () => broker, q.clock);
  heartbeat.start();
  /** Waits until everything said so far was heard at the other end. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const run = async (...ids: string[]): Promise<RunningBatch> => {
    await q.broker.enqueue(ids.map((id) => ({ message: q.message(id) })));
    const { tasks } = await q.broker.fetch(q.name, ids.length, 30_000);
    const leases = SharedLeases.of(tasks.map((task) => task.leaseExpiresAtS));
    const running = tasks.map(({ message: { id, type, payload, queue } }, index) => {
      return {
        key: index + 1,
        id,
        type,
        payload: Buffer.from(payload).toString('latin1'),
        queue,
        startedAtMs: q.clock.nowMs(),
        deadlineMs: q.clock.nowMs() + 60_000,
        endsAtMonotonicMs: q.clock.monotonicMs() + 60_000,
      };
    });
    const batch = { leases: leases.buffer, tasks: running };
    heartbeat.track(batch);
    await settle();
    return batch;
  };
  return { q, clock: q.clock, broker, worker, heartbeat, heard, next, run, settle };
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
    const { leases } = await run('a');

    await clock.advance('5s');

    const score = (await q.dump()).leases['a'];
    expect(score).toBe(ceilS(clock.nowMs()) + 30);
    expect(new SharedLeases(leases).lease(0).confirmedS).toBe(score);
    expect(next.expiresAtS).toBe(score! + 5);
  });

  it('tells the main thread which leases are lost', async () => {
    const { q, clock, heard, run } = openThread();
    const { leases } = await run('a', 'b');
    const expiriesS = [new SharedLeases(leases).lease(1).confirmedS];
    await q.broker.extendLeases(q.name, [{ id: 'b', expiriesS }], 4_000_000_000);

    const lost = once(heard, 'lost');
    await clock.advance('5s');

    expect(await lost).toEqual([[2]]);
  });

  it('tells the main thread which tasks shall be canceled', async () => {
    const { q, clock, heard, run } = openThread();
    await run('a', 'b');
    await q.broker.requestCancel(q.name, 'b', 'archive');

    const requests = once(heard, 'cancelRequests');
    await clock.advance('5s');

    expect(await requests).toEqual([[{ queue: q.name, id: 'b', outcome: 'archive' }]]);
  });

  it('shows the status it is told', async () => {
    const { q, clock, heartbeat, settle } = openThread();
    heartbeat.setStatus('stopped');
    await settle();

    await clock.advance('5s');

    expect((await q.presence(shownServer))?.server.status).toBe('stopped');
  });

  it('logs in the main thread, errors as text', async () => {
    const { clock, broker, heard } = openThread();
    broker.failNext('writePresence', { times: 1 });

    const warned = once(heard, 'warn');
    await clock.advance('5s');
    const [message, fields] = (await warned) as [string, { error: unknown }];

    expect(message).toMatch(/^presence of the server failed; next try in \d+ ms$/);
    expect(fields.error).toMatch(/Redis failed at writePresence/);
  });

  it('removes the presence, closes its connection and ends at stop', async () => {
    const { q, clock, worker, heartbeat } = openThread();
    await clock.advance(0);

    await heartbeat.stop();

    expect(await q.presence(shownServer)).toBeUndefined();
    expect(worker.isTerminated).toBe(false);
    expect(worker.isRef).toBe(true); // the process waits for it
  });

  it('ends a thread by force that does not answer', async () => {
    const { clock, worker, heartbeat } = openThread({ deaf: true });

    const stopping = heartbeat.stop();
    await clock.advance('5s');
    await stopping;

    expect(worker.isTerminated).toBe(true);
  });

  it('reports a death with its cause', async () => {
    const { worker, heard } = openThread({ deaf: true });
    const cause = new Error('out of memory');

    const death = once(heard, 'death');
    worker.emit('error', cause);
    worker.emit('exit', 1);

    expect(await death).toEqual([cause]);
  });

  it('reports a thread that ends without a cause', async () => {
    const { worker, heard } = openThread({ deaf: true });

    const death = once(heard, 'death');
    worker.emit('exit', 13);

    expect(await death).toEqual([new Error('the thread ended with code 13')]);
  });
});
