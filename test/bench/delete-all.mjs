// What a PING has to wait while `Inspector.deleteAll` deletes a million pending tasks.
//
//   redis-server --port 7999 --save '' &
//   npm run build:libs && node test/bench/delete-all.mjs redis://127.0.0.1:7999 [tasks]
//
// The database is flushed first. The PINGs come from a thread of their own, one after the other with 1 ms between.
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Client, Inspector } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';

const QUEUE = 'bench';
const CHUNK = 5_000;

if (isMainThread) await main(process.argv[2], Number(process.argv[3] ?? 1_000_000));
else await pingUntilTold(workerData);

async function main(url, count) {
  if (!url) throw new Error('usage: node test/bench/delete-all.mjs redis://host:port [tasks]');
  const redis = new Redis(url);
  await redis.flushdb();
  redis.disconnect();
  await fill(url, count);
  console.log('idle    ', show(await pingsDuring(url, () => new Promise((resolve) => setTimeout(resolve, 5_000)))));

  const inspector = new Inspector({ connection: { url } });
  const startedAt = performance.now();
  let deleted = 0;
  const pings = await pingsDuring(url, async () => (deleted = await inspector.deleteAll(QUEUE, 'pending')));
  const seconds = (performance.now() - startedAt) / 1000;
  console.log('deleting', show(pings), `${deleted} tasks in ${seconds.toFixed(1)} s`);
  await inspector.close();
}

async function fill(url, count) {
  const client = new Client({ connection: { url } });
  const tasks = Array.from({ length: CHUNK }, (_, n) => ({ type: 'bench', payload: { n }, options: { queue: QUEUE } }));
  for (let done = 0; done < count; done += CHUNK) await client.enqueueMany(tasks.slice(0, count - done));
  await client.close();
}

/** Latencies in ms, sorted. */
async function pingsDuring(url, work) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: url });
  await once(worker);
  await work();
  worker.postMessage('enough');
  return (await once(worker)).sort((a, b) => a - b);
}

function once(port) {
  return new Promise((resolve) => port.once('message', resolve));
}

async function pingUntilTold(url) {
  const redis = new Redis(url);
  const latencies = [];
  const enough = new AbortController();
  parentPort.once('message', () => enough.abort());
  await redis.ping();
  parentPort.postMessage('ready');
  while (!enough.signal.aborted) {
    const sentAt = performance.now();
    await redis.ping();
    latencies.push(performance.now() - sentAt);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  redis.disconnect();
  parentPort.postMessage(latencies);
}

function show(latencies) {
  const at = (share) => latencies[Math.min(Math.floor(latencies.length * share), latencies.length - 1)].toFixed(2);
  return `PING p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (${latencies.length} PINGs);`;
}
