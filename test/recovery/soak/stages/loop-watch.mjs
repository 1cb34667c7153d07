// Loaded into a process before its program, which needs an IPC channel: to each message it answers how long the event loop
// was held since the last one, at most and in the worst hundredth, in ms, and how much memory the process uses, in bytes.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();

process.on('message', () => {
  globalThis.gc?.();
  const heldMs = (ns) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ mostMs: heldMs(delays.max), p99Ms: heldMs(delays.percentile(99)), rss, used: heapUsed + external });
  delays.reset();
});
process.channel.unref();
