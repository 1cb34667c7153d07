import { describe, expect, it } from 'vitest';
import type { TaskRow } from '../../../src/api/tasks.js';
import { undoOf } from './undo.js';

const task = (id: string, fields: Partial<TaskRow>): TaskRow => ({ id, queue: 'mail', ...fields }) as TaskRow;

describe('undoOf', () => {
  it('puts archived tasks back to the times they had', () => {
    const tasks = [
      task('a', { state: 'scheduled', nextProcessAtMs: 1_000 }),
      task('b', { state: 'retry', nextProcessAtMs: 2_000 }),
      task('c', { state: 'scheduled', nextProcessAtMs: 1_000 }),
    ];

    const steps = undoOf({ action: 'archive' }, tasks);

    expect(steps?.map(({ what, tasks }) => [what, tasks.map(({ id, state }) => [id, state])])).toEqual([
      [
        { action: 'reschedule', atMs: 1_000 },
        [
          ['a', 'archived'],
          ['c', 'archived'],
        ],
      ],
      [{ action: 'reschedule', atMs: 2_000 }, [['b', 'archived']]],
    ]);
  });

  it('moves tasks back, from the state in which they arrived', () => {
    const [step] = undoOf({ action: 'move', target: 'low' }, [task('a', { state: 'retry', nextProcessAtMs: 1 })]) ?? [];

    expect(step).toMatchObject({
      what: { action: 'move', target: 'mail' },
      tasks: [{ id: 'a', queue: 'low', state: 'scheduled' }],
    });
  });

  it.each([
    [{ action: 'delete' } as const, 'pending' as const],
    [{ action: 'cancel', outcome: 'retry' } as const, 'active' as const],
    [{ action: 'run' } as const, 'completed' as const],
    [{ action: 'archive' } as const, 'completed' as const],
  ])('knows no way back from %o of a task that is %s', (what, state) => {
    expect(undoOf(what, [task('a', { state })])).toBeUndefined();
  });
});
