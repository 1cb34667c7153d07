import { describe, expect, it } from 'vitest';
import { openMemoryBroker } from '../broker/memory/memory-broker.js';
import { Client } from '../client/client.js';
import { silentLogger } from '../runtime/logger.js';
import { Server } from '../server/server.js';
import { ServeMux } from '../server/run/running/serve-mux.js';
import { FakeClock } from './fake-clock.js';

/** A client and a running server that share a memory broker and a fake clock. */
async function startQueue(mux: ServeMux, clock: FakeClock): Promise<{ client: Client } & AsyncDisposable> {
  const connection = openMemoryBroker({ clock });
  const client = new Client({ connection, clock, logger: silentLogger });
  const server = new Server({ connection, clock, concurrency: 2, logger: silentLogger });
  await server.start(mux);
  return {
    client,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await client.close();
    },
  };
}

describe('a server on the memory broker and a fake clock', () => {
  it('sends the reminder after ten minutes, and not a millisecond earlier', async () => {
    const clock = new FakeClock();
    const sent: unknown[] = [];
    const mux = new ServeMux().handle('reminder:send', (payload) => sent.push(payload));
    await using queue = await startQueue(mux, clock);
    await queue.client.enqueue('reminder:send', { to: 'ada' }, { processIn: '10m' });

    await clock.advance(599_999);
    expect(sent).toEqual([]);
    await clock.advance(1);

    expect(sent).toEqual([{ to: 'ada' }]);
  });

  it('retries after every retry delay', async () => {
    const clock = new FakeClock(0);
    const triedAtMs: number[] = [];
    const sendMail = (): void => {
      triedAtMs.push(clock.nowMs());
      if (triedAtMs.length < 4) throw new Error('the mail server is down');
    };
    const mux = new ServeMux().handle('mail:send', sendMail, { retryDelay: (retried) => 60_000 * 2 ** retried });
    await using queue = await startQueue(mux, clock);
    await queue.client.enqueue('mail:send', {});

    await clock.advance('1h');

    expect(triedAtMs).toEqual([0, 60_000, 180_000, 420_000]);
  });
});
