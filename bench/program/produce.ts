import { setTimeout as sleep } from 'node:timers/promises';
import { nowUs, ownUsage } from './clock.js';
import type { NewTask, Producer } from './driver.js';
import type { Load, Produced, TaskPayload } from './protocol.js';

/** Enqueues a load, and measures this process during that time. */
export async function produce(producer: Producer, load: Load): Promise<Produced> {
  const newTask = taskMaker(load);
  let next = 0;
  let accepted = 0;

  async function lane(): Promise<void> {
    while (next < load.count) {
      const first = next;
      next = Math.min(first + load.batch, load.count);
      const taken = await producer.enqueue(
        Array.from({ length: next - first }, (_, offset) => newTask(first + offset)),
      );
      accepted += taken;
      if (load.restMs !== undefined) await sleep(load.restMs * (0.5 + Math.random()));
    }
  }

  const before = ownUsage();
  await Promise.all(Array.from({ length: load.lanes }, lane));
  const after = ownUsage();
  return { accepted, elapsedUs: after.atUs - before.atUs, cpuUs: after.cpuUs - before.cpuUs };
}

/** Equal tasks share an object: generating the load should cost little. */
function taskMaker(load: Load): (index: number) => NewTask {
  const { copies, due, fillerBytes, keptForS, queues, stamped, uniqueForS } = load;
  const base = {
    userId: 12345,
    template: 'welcome',
    ...(fillerBytes !== undefined && { filler: 'x'.repeat(fillerBytes) }),
  };
  const dueAtMs = (index: number): number | undefined =>
    due && due.atMs + Math.floor((index * due.spreadMs) / load.count);
  const payloadOf = (index: number): TaskPayload => {
    if (stamped) return { ...base, at: nowUs() };
    if (due) return { ...base, at: dueAtMs(index)! };
    return copies === undefined ? base : { ...base, userId: Math.floor(index / copies) };
  };
  const make = (index: number): NewTask => ({
    queue: queues[index % queues.length]!,
    payload: payloadOf(index),
    dueAtMs: dueAtMs(index),
    keptForS,
    uniqueForS,
  });
  if (stamped || due || copies !== undefined) return make;
  const turns = queues.map((_, index) => make(index));
  return (index) => turns[index % turns.length]!;
}
