// A worker process of its own for tests that kill workers: takes its settings as JSON, reports what happens as JSON
// lines. Task types: quick ends at once, hang waits for its signal, block computes for `payload.ms`. Groups: with
// `groupAggregator`, the ids of a group become the payload of a task `sum` in an hour; `hangAt` says in which call of the
// function, counted from 1, it never answers again.
import { createInterface } from 'node:readline';
import { Server, ServeMux } from '@nestjs-asynq/core';

const { server: options, hangAt } = JSON.parse(process.argv[2]);
const report = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const silent = {
  debug() {},
  info() {},
  warn() {},
  error: (message, fields) => report({ kind: 'error', message, fields }),
};

const mux = new ServeMux();
mux.use((next) => async (payload, context) => {
  report({ kind: 'started', id: context.id, retried: context.retried, atMs: Date.now() });
  const result = await next(payload, context);
  report({ kind: 'ended', id: context.id, atMs: Date.now() });
  return result;
});
mux.handle('quick', async () => undefined);
mux.handle('hang', (_payload, { signal }) => {
  return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
});
mux.handle('block', ({ ms }) => {
  for (const endAtMs = Date.now() + ms; Date.now() < endAtMs;);
});

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
  onEvent: ({ kind, id }) => kind === 'requeued' && report({ kind, id }),
});
await server.start(mux);
report({ kind: 'ready' });

process.once('SIGTERM', async () => {
  await server.shutdown();
  report({ kind: 'shutdown' });
});
createInterface(process.stdin).on('line', () => report({ kind: 'cpu', ...process.cpuUsage(), atMs: Date.now() }));
process.stdin.unref();
