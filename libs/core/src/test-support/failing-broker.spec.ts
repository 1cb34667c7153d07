import { describe, expect, it } from 'vitest';
import { failingBroker } from './failing-broker.js';
import { openMemoryQueue } from './test-queue.js';

describe('failingBroker', () => {
  it('fails the named method the given number of times, without effect, and passes everything else on', async () => {
    await using q = openMemoryQueue();
    const broker = failingBroker(q.broker);
    broker.failNext('enqueue', { times: 2 });
    const enqueue = () => broker.enqueue([{ message: q.message('mine') }]);

    await expect(enqueue()).rejects.toMatchObject({ code: 'REDIS_COMMAND', command: 'enqueue', isTransient: true });
    expect(await broker.waitingQueues([q.name])).toEqual([]);
    await expect(enqueue()).rejects.toThrow('the connection is down');
    expect(await enqueue()).toEqual([{ status: 'pending' }]);
    expect(broker.kind).toBe('memory');
  });

  it('loses the reply of a call that took effect', async () => {
    await using q = openMemoryQueue();
    const broker = failingBroker(q.broker);
    broker.failNext('enqueue', { as: 'lostReply', isTransient: false });

    await expect(broker.enqueue([{ message: q.message('mine') }])).rejects.toMatchObject({ isTransient: false });

    expect(await q.dump()).toMatchObject({ nextUp: ['mine'] });
  });
});
