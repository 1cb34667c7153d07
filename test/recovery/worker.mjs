// A worker process of its own for tests that kill workers: takes its settings as JSON, reports what happens as JSON
// lines. Task types: quick ends at once, work takes `payload.ms`, hang waits for its signal, block stands still
// for `payload.ms` after `payload.waitMs`, poison kills the process. Groups: with `groupAggregator`, the ids of a group become the payload of a task `sum` in an hour; `hangAt` says in which call of the
// function, counted from 1, it never answers again. `ticks`: the cron spec of a task quick.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { Scheduler, Server, ServeMux } from '@nestjs-asynq/core';

const { server: options, hangAt, ticks } = JSON.parse(process.argv[2]);
const waiting = new Int32Array(new SharedArrayBuffer(4));
/** Does not return before it is written: what a stream keeps for a slow reader stays in it while a handler blocks. */
function report(line) {
  for (let rest = Buffer.from(`${JSON.stringify(line)}\n`); rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(waiting, 0, 0, 1);
    }
  }
}
/** The clock of the machine, whatever `Date` says. */
const nowMs = () => Date.now() - Number(process.env.CLOCK_SKEW_MS ?? 0);
const silent = {
  debug() {},
  info() {},
  warn: (message) => report({ kind: 'warn', message }),
  error: (message, fields) => report({ kind: 'error', message, fields }),
};

const mux = new ServeMux();
mux.use((next) => async (payload, context) => {
  report({ kind: 'started', id: context.id, retried: context.retried, atMs: nowMs() });
  try {
    const result = await next(payload, context);
    report({ kind: 'ended', id: context.id, atMs: nowMs() });
    return result;
  } catch (error) {
    report({ kind: 'failed', id: context.id, atMs: nowMs() });
    throw error;
  }
});
mux.handle('quick', async () => undefined);
mux.handle('work', ({ ms }, { signal }) => delay(ms, undefined, { signal }));
mux.handle('hang', (_payload, { signal }) => {
  return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
});
mux.handle('block', async ({ ms, waitMs }) => {
  if (waitMs !== undefined) await delay(waitMs).then(() => turn()); // what has arrived by then has been read
  Atomics.wait(waiting, 0, 0, ms);
});
mux.handle('poison', () => process.kill(process.pid, 'SIGKILL'));

let aggregations = 0;
async function aggregate(group, tasks) {
  report({ kind: 'aggregating', id: group });
  if (++aggregations >= hangAt) await new Promise(() => {});
  return { type: 'sum', payload: tasks.map(({ id }) => id), options: { processIn: '1h' } };
}

const server = new Server({
  ...options,
  groupAggregator: options.groupAggregator && { ...options.groupAggregator, aggregate },
  logger: silent,
  onEvent: ({ kind, id }) => (kind === 'requeued' || kind === 'succeeded') && report({ kind, id, atMs: nowMs() }),
});
await server.start(mux);
const scheduler = new Scheduler({ connection: options.connection, logger: silent });
if (ticks) {
  scheduler.register(ticks, 'quick', undefined, { queue: Object.keys(options.queues)[0] });
  await scheduler.start();
}
report({ kind: 'ready' });

process.once('SIGTERM', async () => {
  await Promise.all([server.shutdown(), scheduler.shutdown()]);
  report({ kind: 'shutdown' });
});
createInterface(process.stdin).on('line', () => report({ kind: 'cpu', ...process.cpuUsage(), atMs: nowMs() }));
process.stdin.unref();
