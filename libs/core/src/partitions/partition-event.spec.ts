import { expect, it } from 'vitest';
import { silentLogger } from '../runtime/logger.js';
import { namingPartitions } from './partition-event.js';
import { guardListener, type TaskEventListener } from '../task/task-event.js';

const guard = (listener: TaskEventListener) => namingPartitions(guardListener(listener, silentLogger))!;

it('is idle whenever the listener of the user is', () => {
  let isIdle = true;
  const guarded = guard(Object.defineProperty(() => undefined, 'isIdle', { get: () => isIdle }));

  const before = guarded.isIdle;
  isIdle = false;

  expect([before, guarded.isIdle]).toEqual([true, false]);
});

it('is not idle when the listener does not say so, or fails to', () => {
  const failing = Object.defineProperty(() => undefined, 'isIdle', {
    get: () => {
      throw new Error('broken');
    },
  });

  expect([guard(() => undefined).isIdle, guard(failing).isIdle]).toEqual([false, false]);
});
