import { appLife } from './app-life.js';
import { backlog } from './backlog.js';
import { enqueue } from './enqueue.js';
import type { Figure } from './figure.js';
import { handle } from './handle.js';
import { idle, idleQueues } from './idle.js';
import { memory } from './memory.js';
import { mixedLoad } from './mixed-load.js';
import { nest } from './nest.js';
import { observing } from './observing.js';
import { failing, retention } from './outcomes.js';
import { payloads } from './payloads.js';
import { pickUp } from './pick-up.js';
import { rawLimits } from './raw-limits.js';
import { scaling } from './scaling.js';
import { scheduled } from './scheduled.js';
import { startAndStop } from './start-and-stop.js';
import { unique } from './unique.js';
import { weightedQueues } from './weighted-queues.js';

/** In the order of the page. */
export const FIGURES: readonly Figure[] = [
  ...handle,
  ...enqueue,
  mixedLoad,
  pickUp,
  ...scheduled,
  weightedQueues,
  failing,
  retention,
  unique,
  ...payloads,
  ...backlog,
  idleQueues,
  idle,
  memory,
  startAndStop,
  appLife,
  nest,
  observing,
  ...scaling,
  ...rawLimits,
];
