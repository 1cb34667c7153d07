import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DuplicateTaskError } from '../errors/duplicate-task.error.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { QueueNotEmptyError } from '../errors/queue-not-empty.error.js';
import { QueueNotFoundError } from '../errors/queue-not-found.error.js';
import { TaskIdConflictError } from '../errors/task-id-conflict.error.js';
import { TaskNotFoundError } from '../errors/task-not-found.error.js';
import { TaskStateError } from '../errors/task-state.error.js';
import { silentLogger } from '../runtime/logger.js';
import { openMemoryQueue, type TestQueue } from '../test-support/test-queue.js';
import { Inspector } from './inspector.js';

let q: TestQueue;
let inspector: Inspector;

beforeEach(async () => {
  q = openMemoryQueue({ name: 'q' });
  inspector = new Inspector({ connection: q.broker, logger: silentLogger });
  await q.broker.enqueue([{ message: q.message('first') }]);
});

afterEach(() => q[Symbol.asyncDispose]());

const lock = (queue: string, name: string): string => `asynq:{${queue}}:unique:test:task:${name}`;

describe('an inspector and a single task', () => {
  it('runs, archives and deletes it and runs it next, in every waiting state', async () => {
    await q.seed({ scheduled: { s: '1h' }, retry: { r: '1h' }, archived: { a: '1h' }, completed: { c: '1h' } });

    await inspector.runTask('q', 's');
    await inspector.archiveTask('q', 'r');
    await inspector.runNext('q', 'a');
    await inspector.deleteTask('q', 'c');

    const dump = await q.dump();
    expect([dump.nextUp, dump.scheduled, dump.retry, dump.completed]).toEqual([['a', 'first', 's'], {}, {}, {}]);
    expect([Object.keys(dump.archived), dump.tasks['c']]).toEqual([['r'], undefined]);
  });

  it('cancels a running task with the given outcome, and applies that to others at once', async () => {
    await q.seed({ active: ['busy'], scheduled: { s: '1h' }, retry: { r: '1h' }, archived: { a: '1h' } });

    const replies = [
      await inspector.cancel('q', 'busy', { outcome: 'delete' }),
      await inspector.cancel('q', 's', { outcome: 'archive' }),
      await inspector.cancel('q', 'r', { outcome: 'delete' }),
      await inspector.cancel('q', 'a', { outcome: 'archive' }),
      await inspector.cancel('q', 'first', { outcome: 'retry' }),
    ];

    expect(replies).toEqual(['requested', 'archived', 'deleted', 'unchanged', 'unchanged']);
    const { nextUp, archived, tasks } = await q.dump();
    expect(nextUp).toEqual(['first']);
    expect(Object.keys(archived).toSorted()).toEqual(['a', 's']);
    expect(tasks).toMatchObject({ busy: { state: 'active', cancelThen: 'delete 0 0' } });
    expect(tasks['r']).toBeUndefined();
  });

  it.each(['retry', 'archive', 'delete'] as const)('leaves a completed task unchanged: %s', async (outcome) => {
    await q.seed({ completed: { c: '1h' } });
    const before = await q.dump();

    const reply = await inspector.cancel('q', 'c', { outcome });

    expect(reply).toBe('unchanged');
    expect(await q.dump()).toEqual(before);
  });

  it('cancels a task that starts at that moment', async () => {
    await q.seed({ active: ['busy'] });
    vi.spyOn(q.broker, 'requestCancel').mockResolvedValueOnce(false);

    expect(await inspector.cancel('q', 'busy', { outcome: 'archive' })).toBe('requested');
  });

  it('refuses to cancel a missing task, or with an invalid outcome', async () => {
    await expect(inspector.cancel('q', 'gone', { outcome: 'delete' })).rejects.toThrow(TaskNotFoundError);
    await expect(inspector.cancel('q', 'first', { outcome: 'drop' as 'delete' })).rejects.toThrow(InvalidOptionsError);
  });

  it('waits for it, like the client that enqueued it', async () => {
    await q.seed({ completed: { c: '1h' } });
    await q.inject({ tasks: { c: { result: Buffer.from('{"sum":3}') } } });
    const handle = inspector.task('q', 'c');

    expect(await handle.result()).toEqual({ sum: 3 });
    expect(await handle.state()).toBe('completed');
  });

  it('refuses what its state does not allow, and names the states that do', async () => {
    await q.seed({ active: ['busy'] });

    await expect(inspector.runTask('q', 'first')).rejects.toThrow(
      'task first in queue "q" is pending; needed: scheduled or retry or archived or completed or aggregating',
    );
    await expect(inspector.deleteTask('q', 'busy')).rejects.toThrow(TaskStateError);
    await expect(inspector.archiveTask('q', 'busy')).rejects.toMatchObject({ state: 'active', taskId: 'busy' });
    await expect(inspector.updateTaskPayload('q', 'first', {})).rejects.toMatchObject({ needed: ['scheduled'] });
  });

  it('acts only in the expected state, when one is given', async () => {
    await q.seed({ retry: { r: '1h' } });

    await expect(inspector.runTask('q', 'r', { expectedState: 'archived' })).rejects.toThrow(
      'task r in queue "q" is retry; needed: archived',
    );
    await expect(inspector.runTask('q', 'r', { expectedState: 'active' })).rejects.toThrow(InvalidOptionsError);
    await inspector.runTask('q', 'r', { expectedState: 'retry' });

    expect((await q.dump()).nextUp).toEqual(['first', 'r']);
  });

  it('distinguishes a missing task from a missing queue', async () => {
    await expect(inspector.deleteTask('q', 'nothing')).rejects.toThrow(TaskNotFoundError);
    await expect(inspector.deleteTask('nowhere', 'nothing')).rejects.toThrow(QueueNotFoundError);
    await expect(inspector.updateTaskPayload('nowhere', 'nothing', {})).rejects.toThrow(QueueNotFoundError);
  });

  it('retries when the task is moved during the call', async () => {
    await q.seed({ retry: { r: 1 } });
    const findTask = vi.spyOn(q.broker, 'findTask');
    vi.spyOn(q.broker, 'moveTasks').mockImplementationOnce(async () => {
      await q.clock.advance('1s');
      await q.broker.forwardDue('q', 1);
      return [false];
    });

    await inspector.deleteTask('q', 'r');

    expect(findTask).toHaveBeenCalledTimes(2);
    expect(await q.dump()).toMatchObject({ nextUp: ['first'] });
  });

  it('gives up on a task that is not in the list of its state', async () => {
    await q.inject({ tasks: { first: { state: 'retry' } } });

    await expect(inspector.deleteTask('q', 'first')).rejects.toThrow('is retry; but it is being moved or merged');
  });

  it('reschedules it to the millisecond', async () => {
    const at = new Date(q.clock.nowMs() + 90_250);

    await inspector.reschedule('q', 'first', at);

    expect(await inspector.taskInfo('q', 'first')).toMatchObject({ state: 'scheduled', nextProcessAt: at });
    await expect(inspector.reschedule('q', 'first', new Date('never'))).rejects.toThrow('option "at"');
  });

  it('replaces its payload, as JSON or as bytes', async () => {
    await q.seed({ scheduled: { s: '1h', t: '1h' } });

    await inspector.updateTaskPayload('q', 's', { a: 1 });
    await inspector.updateTaskPayload('q', 't', Uint8Array.from([0, 255]));

    expect(Buffer.from((await inspector.taskInfo('q', 's')).payload).toString()).toBe('{"a":1}');
    expect([...(await inspector.taskInfo('q', 't')).payload]).toEqual([0, 255]);
  });
});

describe('moving a task to another queue', () => {
  it('keeps its time, its failures and the rest of its lock', async () => {
    const message = { retried: 2, errorMsg: 'boom', uniqueKey: lock('q', 'x') };
    await q.seed({ retry: { r: '90s' }, messages: { r: message } });
    const { nextProcessAt } = await inspector.taskInfo('q', 'r');

    await inspector.moveToQueue('q', 'r', 'low');

    expect(await inspector.taskInfo('low', 'r')).toMatchObject({
      queue: 'low',
      state: 'scheduled',
      nextProcessAt,
      retried: 2,
      lastError: 'boom',
    });
    await expect(inspector.taskInfo('q', 'r')).rejects.toThrow(TaskNotFoundError);
    expect((await q.dump()).locks).toEqual({});
    expect(await q.broker.lockTtlS('low', 'r')).toBe(3600);
  });

  it('keeps its backoff', async () => {
    await q.broker.enqueue([{ message: q.message('b'), backoff: 'exponential 1000 60000 0.5' }]);

    await inspector.moveToQueue('q', 'b', 'low');

    expect(await q.broker.readBackoff('low', 'b')).toBe('exponential 1000 60000 0.5');
  });

  it('moves a task of a group to the group of that name', async () => {
    await q.broker.enqueue([{ message: q.message('g', { groupKey: 'digest' }) }]);

    await inspector.moveToQueue('q', 'g', 'low', { expectedState: 'aggregating' });

    expect(await inspector.groups('low')).toEqual([{ group: 'digest', size: 1 }]);
    const { groups, groupNames, nextUp } = await q.dump();
    expect({ groups, groupNames, nextUp }).toEqual({ groups: {}, groupNames: [], nextUp: ['first'] });
  });

  it('leaves a task with an unreadable message in place', async () => {
    await q.inject({ tasks: { first: { msg: Uint8Array.from([0xff, 0xff]) } } });
    const before = await q.dump();

    await expect(inspector.moveToQueue('q', 'first', 'low')).rejects.toThrow('is unreadable');

    expect(await q.dump()).toEqual(before);
  });

  it('leaves it in place when the target refuses it', async () => {
    await q.seed({ retry: { r: '90s' }, messages: { r: { uniqueKey: lock('q', 'x') } } });
    await q.broker.enqueue([{ message: q.message('first', { queue: 'taken' }) }]);
    const held = q.message('holder', { queue: 'locked', uniqueKey: lock('locked', 'x') });
    await q.broker.enqueue([{ message: held, uniqueTtlS: 60 }]);
    const before = await q.dump();

    await expect(inspector.moveToQueue('q', 'first', 'taken')).rejects.toThrow(TaskIdConflictError);
    await expect(inspector.moveToQueue('q', 'r', 'locked')).rejects.toThrow(DuplicateTaskError);
    await expect(inspector.moveToQueue('q', 'r', 'q')).rejects.toThrow('another queue');

    expect(await q.dump()).toEqual(before);
  });

  it('removes the copy when a server takes the original first', async () => {
    const enqueue = q.broker.enqueue.bind(q.broker);
    vi.spyOn(q.broker, 'enqueue').mockImplementationOnce(async (tasks) => {
      await q.broker.fetch('q', 1, 30_000);
      return enqueue(tasks);
    });

    await expect(inspector.moveToQueue('q', 'first', 'low')).rejects.toThrow('is active');

    await expect(inspector.taskInfo('low', 'first')).rejects.toThrow(TaskNotFoundError);
    expect(await q.dump()).toMatchObject({ active: ['first'] });
  });
});

describe('an inspector and many tasks', () => {
  it('moves all of a state, in steps that it reports', async () => {
    const ids = Array.from({ length: 1_100 }, (_, i) => `t${i}`);
    await q.seed({ archived: Object.fromEntries(ids.map((id, i) => [id, 2_000_000 - i * 1_000])) });
    const steps: unknown[] = [];

    const moved = await inspector.runAll('q', 'archived', { onProgress: (progress) => steps.push(progress) });

    expect(moved).toBe(1_100);
    expect((await q.dump()).nextUp).toEqual(['first', ...ids]);
    expect(steps).toEqual([250, 500, 750, 1_000, 1_100].map((done) => ({ done, total: 1_100 })));
  });

  it('ignores tasks added during the operation', async () => {
    await q.seed({ pending: ['second'] });

    const deleted = await inspector.deleteAll('q', 'pending', {
      onProgress: () => void q.broker.enqueue([{ message: q.message('new') }]),
    });

    expect(deleted).toBe(2);
    expect((await q.dump()).nextUp).toEqual(['new']);
  });

  it('stops between two steps when its signal aborts', async () => {
    await q.seed({ retry: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`t${i}`, i])) });
    const stop = new AbortController();

    const archiving = inspector.archiveAll('q', 'retry', {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });

    await expect(archiving).rejects.toThrow('enough');
    const dump = await q.dump();
    expect([Object.keys(dump.archived).length, Object.keys(dump.retry).length]).toEqual([250, 50]);
  });

  it('accepts the states that asynq accepts, and groups by their name', async () => {
    await q.seed({ retry: { g: 1 }, messages: { g: { groupKey: 'digest' } } });
    await q.inject({ tasks: { g: { group: 'digest' } } });
    await q.clock.advance('1s');
    await q.broker.forwardDue('q', 1);

    await expect(inspector.runAll('q', 'completed')).rejects.toThrow('option "state" is "completed"');
    await expect(inspector.archiveAll('q', 'archived')).rejects.toThrow(InvalidOptionsError);
    await expect(inspector.deleteAll('q', 'active')).rejects.toThrow(InvalidOptionsError);
    await expect(inspector.deleteAll('q', 'aggregating')).rejects.toThrow('option "group"');
    await expect(inspector.deleteAll('nowhere', 'pending')).rejects.toThrow(QueueNotFoundError);
    expect(await inspector.groups('q')).toEqual([{ group: 'digest', size: 1 }]);
    expect(await inspector.runAll('q', 'aggregating', { group: 'digest' })).toBe(1);
    expect((await q.dump()).nextUp).toEqual(['first', 'g']);
  });

  it('moves the tasks that match a filter, or only counts them', async () => {
    const ids = Array.from({ length: 700 }, (_, i) => `t${i}`);
    const types = Object.fromEntries(ids.map((id, i) => [id, { type: i % 7 === 0 ? 'email:welcome' : 'report' }]));
    await q.seed({ pending: ids, messages: types });
    const filter = { queue: 'q', state: 'pending', type: 'email:*' } as const;

    const counted = await inspector.deleteMatching(filter, { dryRun: true });
    const before = (await q.dump()).nextUp.length;
    const deleted = await inspector.deleteMatching(filter);

    expect([counted, before, deleted]).toEqual([100, 701, 100]);
    const { nextUp } = await q.dump();
    expect(nextUp.filter((id) => types[id]?.type === 'email:welcome')).toEqual([]);
    expect(nextUp.length).toBe(601);
    await expect(inspector.runMatching(filter)).rejects.toThrow('option "state"');
  });
});

describe('removing a queue', () => {
  it('requires an empty queue, or force', async () => {
    await q.seed({ archived: { a: '1h' }, completed: { c: '1h' } });

    await expect(inspector.deleteQueue('q')).rejects.toThrow(QueueNotEmptyError);
    await inspector.deleteQueue('q', { force: true });

    const dump = await q.dump();
    expect([Object.keys(dump.tasks), dump.isAnnounced]).toEqual([['c'], false]);
    await expect(inspector.deleteQueue('q')).rejects.toThrow(QueueNotFoundError);
  });

  it('spares active tasks even by force; a purge by force does not', async () => {
    await q.seed({ active: ['busy'] });

    await expect(inspector.deleteQueue('q', { force: true })).rejects.toThrow('queue "q" has 1 active tasks');
    await expect(inspector.purgeQueue('q')).rejects.toMatchObject({ activeTasks: 1 });
    expect((await q.dump()).nextUp).toEqual(['first']);
    await inspector.purgeQueue('q', { force: true });

    const { active, tasks, isAnnounced } = await q.dump();
    expect({ active, tasks, isAnnounced }).toEqual({ active: [], tasks: {}, isAnnounced: false });
    await expect(inspector.purgeQueue('q')).rejects.toThrow(QueueNotFoundError);
  });
});
