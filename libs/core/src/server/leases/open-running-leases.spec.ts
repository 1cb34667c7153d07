import { describe, expect, it } from 'vitest';
import type { Connection } from '../../broker/connection.js';
import { type Clock, systemClock } from '../../runtime/clock.js';
import { silentLogger } from '../../runtime/logger.js';
import type { Broker } from '../../broker/contract/broker.js';
import { openMemoryQueue } from '../../test-support/test-queue.js';
import { openRunningLeases } from './open-running-leases.js';

const identity = {
  host: 'h',
  pid: 42,
  serverId: 's',
  concurrency: 10,
  queues: { default: 1 },
  strictPriority: false,
  startedAtMs: 1_700_000_000_000,
};

async function openOver(
  connection: (broker: Broker) => Connection,
  heartbeat?: 'thread' | 'inline',
  clock?: Clock,
  file?: string,
) {
  const q = openMemoryQueue();
  const log: string[] = [];
  const logger = {
    ...silentLogger,
    info: (message: string) => void log.push(message),
    warn: (message: string) => void log.push(`warning: ${message}`),
  };
  const times = { intervalMs: 5_000, leaseMs: 30_000 };
  const onCancel = (): void => undefined;
  const options = { identity, ...times, heartbeat, connection: connection(q.broker), onCancel };
  const leases = openRunningLeases(q.broker, options, { clock: clock ?? q.clock, logger }, file);
  await leases.start();
  await q.clock.advance(0);
  const isShown = (await q.presence({ ...identity, status: 'active', activeWorkerCount: 0 })) !== undefined;
  await leases.stop();
  return { log, isShown };
}

describe('openRunningLeases', () => {
  it.each<[string, (broker: Broker) => Connection, 'thread' | 'inline' | undefined]>([
    ['the option says so', () => ({ url: 'redis://nowhere' }), 'inline'],
    ['the queues are in this process', () => 'memory', undefined],
    ['a broker with queues in this process is already open', (broker) => broker, undefined],
  ])('beats in the main thread when %s', async (_, connection, heartbeat) => {
    const { log, isShown } = await openOver(connection, heartbeat);

    expect(isShown).toBe(true);
    expect(log).toEqual([]);
  });

  it('beats in the main thread with a broker that is already open, and logs it', async () => {
    const { log, isShown } = await openOver((broker) => ({ ...broker, kind: 'redis' }));

    expect(isShown).toBe(true);
    expect(log).toEqual(['the heartbeat runs in the main thread: the connection is already open in this thread']);
  });

  it('beats in the main thread with a clock that the test drives, and logs it', async () => {
    const { log, isShown } = await openOver(() => ({ url: 'redis://nowhere' }));

    expect(isShown).toBe(true);
    expect(log).toEqual(["the heartbeat runs in the main thread: the clock is not the machine's own"]);
  });

  it('beats in the main thread in a bundle that lacks the file of the thread, and says in one line what to do', async () => {
    const { log, isShown } = await openOver(() => ({ url: 'redis://nowhere' }), undefined, systemClock);

    expect(isShown).toBe(true);
    expect(log).toEqual([
      'the heartbeat runs in the main thread: heartbeat-worker.js is not beside this code. In a bundle, ' +
        'add the entry "heartbeat-worker" of the package under this name, or set "heartbeat" to "inline"',
    ]);
  });

  it('warns when options contain a function, which rules out a heartbeat thread', async () => {
    const reconnectOnError = (): boolean => 's3cret' === 's3cret'.trim();
    const connection = { url: 'redis://nowhere', options: { tls: { ca: 'x' }, reconnectOnError } };

    const { log } = await openOver(() => connection, 'thread', systemClock, 'heartbeat-worker.js');

    expect(log).toEqual([
      'warning: the heartbeat runs in the main thread, because connection.options.reconnectOnError cannot be copied: ' +
        'a handler that blocks the event loop for longer than leaseDuration loses its task',
    ]);
  });
});
