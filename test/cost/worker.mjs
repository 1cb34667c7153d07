// Handles tasks that are there, and reports what each of them allocated on the heap of the main thread. Run with --expose-gc and
// a young generation that holds everything: whatever is collected meanwhile would be missing in the sum.
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { Server, silentLogger } from '@nestjs-asynq/core';

const { url, concurrency, readAhead, warmUp, tasks } = JSON.parse(process.argv[2]);
const usedBytes = () => getHeapStatistics().used_heap_size;

let handled = 0;
let before;
let after;
let collections = 0;
let onDone;
const done = new Promise((resolve) => (onDone = resolve));
const observer = new PerformanceObserver((list) => (collections += list.getEntries().length));

const server = new Server({ connection: { url }, concurrency, readAhead, logger: silentLogger });
await server.start(() => {
  handled += 1;
  if (handled === warmUp) {
    globalThis.gc();
    observer.observe({ entryTypes: ['gc'] });
    before = usedBytes();
  }
  if (handled !== warmUp + tasks) return;
  after = usedBytes();
  onDone();
});
await done;
await setImmediate(); // the observer is told later
observer.disconnect();
await server.shutdown();
console.log(JSON.stringify({ handled, collections, bytes: after - before }));
