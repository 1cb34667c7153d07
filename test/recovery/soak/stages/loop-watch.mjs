// Loaded into a process before its program, which needs an IPC channel: to each message it answers how long the event loop
// was held since the last one, at most and in the worst hundredth, in ms, how much processor time one turn took at most,
// and how much memory the process uses, in bytes.
import { existsSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();

/** Of the main thread, in ns; on a busy machine it says more than the time that passes. */
const SCHEDSTAT = `/proc/self/task/${process.pid}/schedstat`;
const hasSchedstat = existsSync(SCHEDSTAT);
const cpuMs = () =>
  hasSchedstat ? Number(readFileSync(SCHEDSTAT, 'latin1').split(' ', 1)[0]) / 1e6 : performance.now();

let mostCpuMs = 0;
let lastCpuMs = cpuMs();
// A timer that is due fires at the end of each turn.
setInterval(() => {
  const nowMs = cpuMs();
  mostCpuMs = Math.max(mostCpuMs, nowMs - lastCpuMs);
  lastCpuMs = nowMs;
}, RESOLUTION_MS).unref();

process.on('message', () => {
  const told = mostCpuMs;
  globalThis.gc?.();
  const heldMs = (ns) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({
    mostMs: heldMs(delays.max),
    p99Ms: heldMs(delays.percentile(99)),
    mostCpuMs: told,
    rss,
    used: heapUsed + external,
  });
  delays.reset();
  mostCpuMs = 0;
  lastCpuMs = cpuMs();
});
process.channel.unref();
