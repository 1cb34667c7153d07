import { type Inspector, InvalidOptionsError, type TaskState } from '@nestjs-asynq/core';
import { TASK_STATES } from '@nestjs-asynq/core/internal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALLOWED_STATES, MATCHING_STATES } from '../api/allowed-states.js';
import { startTestApp, type TestDashboard, useTestAssets } from '../test-dashboard.fixture.js';

let dash: TestDashboard;

beforeAll(async () => {
  useTestAssets();
  dash = await startTestApp();
  await dash.tasks.enqueue('email', 1, { queue: 'mail', processIn: '1h' });
});

afterAll(() => dash.app.close());

/** The states that the inspector takes for an action: others it refuses before it looks for a task. */
async function statesTakenBy(act: (inspector: Inspector, state: TaskState) => Promise<unknown>): Promise<TaskState[]> {
  const taken: TaskState[] = [];
  for (const state of TASK_STATES) {
    const error: unknown = await act(dash.inspector, state).catch((thrown: unknown) => thrown);
    if (!(error instanceof InvalidOptionsError)) taken.push(state);
  }
  return taken;
}

describe('the states that allow an action', () => {
  it.each<[keyof typeof ALLOWED_STATES, (inspector: Inspector, expectedState: TaskState) => Promise<unknown>]>([
    ['run', (inspector, expectedState) => inspector.runTask('mail', 'none', { expectedState })],
    ['runNext', (inspector, expectedState) => inspector.runNext('mail', 'none', { expectedState })],
    ['archive', (inspector, expectedState) => inspector.archiveTask('mail', 'none', { expectedState })],
    ['delete', (inspector, expectedState) => inspector.deleteTask('mail', 'none', { expectedState })],
    ['reschedule', (inspector, expectedState) => inspector.reschedule('mail', 'none', new Date(), { expectedState })],
    ['move', (inspector, expectedState) => inspector.moveToQueue('mail', 'none', 'other', { expectedState })],
  ])('are those of the inspector: %s', async (action, act) => {
    expect(new Set(ALLOWED_STATES[action])).toEqual(new Set(await statesTakenBy(act)));
  });

  it.each<[keyof typeof MATCHING_STATES, 'runMatching' | 'archiveMatching' | 'deleteMatching']>([
    ['run', 'runMatching'],
    ['archive', 'archiveMatching'],
    ['delete', 'deleteMatching'],
  ])('are those of the inspector, of all that match: %s', async (action, method) => {
    const act = (inspector: Inspector, state: TaskState): Promise<number> =>
      inspector[method]({ queue: 'mail', state, ...(state === 'aggregating' && { group: 'g' }) });

    expect(new Set(MATCHING_STATES[action])).toEqual(new Set(await statesTakenBy(act)));
  });
});
