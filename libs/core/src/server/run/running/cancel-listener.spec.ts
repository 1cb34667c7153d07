import { describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../../runtime/logger.js';
import { failingBroker } from '../../../test-support/failing-broker.js';
import { openMemoryQueue } from '../../../test-support/test-queue.js';
import { CancelListener } from './cancel-listener.js';

function open() {
  const { broker: memory, clock } = openMemoryQueue();
  const broker = failingBroker(memory);
  const cancel = vi.fn<(taskId: string) => void>();
  const listener = new CancelListener(broker, cancel, { clock, logger: silentLogger });
  return { broker, clock, cancel, listener };
}

describe('CancelListener', () => {
  it('passes on a cancel request', async () => {
    const { broker, clock, cancel, listener } = open();
    listener.start();
    await clock.advance(0);

    await broker.publishCancel('one');
    await clock.advance(0);

    expect(cancel).toHaveBeenCalledExactlyOnceWith('one');
    await listener.stop();
  });

  it('subscribes once the broker can be reached, and only once', async () => {
    const { broker, clock, cancel, listener } = open();
    broker.failNext('onCancel', { times: 3 });
    listener.start();
    await clock.advance('1m');
    listener.wake();
    await clock.advance('1m');

    await broker.publishCancel('one');
    await clock.advance(0);

    expect(cancel).toHaveBeenCalledExactlyOnceWith('one');
    await listener.stop();
  });

  it('receives nothing after it has stopped', async () => {
    const { broker, clock, cancel, listener } = open();
    listener.start();
    await clock.advance(0);

    await listener.stop();
    await broker.publishCancel('one');
    await clock.advance(0);

    expect(cancel).not.toHaveBeenCalled();
  });
});
