import {
  Client,
  type Connection,
  Inspector,
  openBroker,
  type QueueInfo,
  RedisCommandError,
  Scheduler,
  silentLogger,
  type TaskInfo,
} from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Dash } from './dash.js';
import type { DashCommand } from './keys.js';
import { selectedQueue, selectedTask, shown } from './state.js';
import { pageSizeOf } from './view.js';

const LINES = 16;
const PAGE = pageSizeOf(LINES);

let clock: FakeClock;
let client: Client;
let inspector: Inspector;
let openConnection: Connection;
let dash: Dash;
const onQuit = vi.fn<() => void>();

beforeEach(async () => {
  clock = new FakeClock();
  const connection: Connection = openBroker('memory', { clock });
  openConnection = connection;
  client = new Client({ connection, logger: silentLogger });
  inspector = new Inspector({ connection, logger: silentLogger });
  for (let n = 1; n <= PAGE + 1; n++) await client.enqueue('email', { n }, { queue: 'mail', taskId: `m${n}` });
  await client.enqueue('report', {}, { queue: 'reports', taskId: 'r1', processIn: '1h' });
  onQuit.mockReset();
  const deps = { inspector, nowMs: () => clock.nowMs(), onChange: () => undefined, onQuit };
  dash = new Dash({ ...deps, lines: LINES, columns: 80 });
  await dash.refresh();
});

async function press(...commands: readonly DashCommand[]): Promise<void> {
  for (const command of commands) await dash.press(command);
}

const taskIds = (): string[] => {
  const { content } = shown(dash.state);
  return content?.kind === 'queue' ? content.tasks!.map(({ id }) => id) : [];
};

describe('moving around', () => {
  it('moves the cursor around the ends', async () => {
    await press('down');
    expect(selectedQueue(dash.state)?.queue).toBe('reports');

    await press('down');
    expect(selectedQueue(dash.state)?.queue).toBe('mail');

    await press('up');
    expect(selectedQueue(dash.state)?.queue).toBe('reports');
  });

  it('opens a queue, its tabs, its pages and a task, and goes back', async () => {
    await press('open', 'right');
    expect(taskIds()).toEqual(['m1', 'm2', 'm3']);

    await press('nextPage', 'nextPage');
    expect(taskIds()).toEqual(['m4']);

    await press('open');
    expect(shown(dash.state)).toMatchObject({ view: { kind: 'task' }, content: { task: { id: 'm4' } } });

    await press('back', 'previousPage', 'back');
    expect(shown(dash.state).view).toMatchObject({ kind: 'queues' });
    expect(onQuit).not.toHaveBeenCalled();
  });

  it('lists groups first, then the tasks of one', async () => {
    await client.enqueue('digest', {}, { queue: 'mail', taskId: 'd1', group: 'daily' });

    await press('open', 'right', 'right');
    expect(shown(dash.state).content).toMatchObject({ groups: [{ group: 'daily', size: 1 }], tasks: [] });

    await press('open');
    expect(taskIds()).toEqual(['d1']);
  });

  it('switches from the queues to the servers', async () => {
    await press('right');

    expect(shown(dash.state).content).toEqual({ kind: 'servers', servers: [], missing: undefined });
  });

  it('lists stored schedules, and pauses one', async () => {
    const scheduler = new Scheduler({ connection: openConnection, logger: silentLogger });
    scheduler.register('@every 1h', 'report', {}, { name: 'hourly', queue: 'reports' });
    await scheduler.start();

    await press('left');
    expect(shown(dash.state).content).toMatchObject({
      kind: 'schedules',
      schedules: [{ name: 'hourly' }],
      entries: [],
    });
    await press('pause', 'yes');

    expect(dash.state.notice).toBe('schedule "hourly" of queue "reports" paused');
    expect(await inspector.schedules()).toMatchObject([{ name: 'hourly', isPaused: true }]);
    await scheduler.shutdown();
  });

  it('shows the help once', async () => {
    await press('help', 'help', 'back');

    expect(shown(dash.state).view.kind).toBe('queues');
  });

  it('reports that a task no longer exists', async () => {
    await press('open', 'right', 'open');
    await inspector.deleteTask('mail', 'm1');
    await dash.tick();

    expect(shown(dash.state).content).toEqual({ kind: 'task', task: undefined });
  });

  it('goes to the last page when the current one no longer exists', async () => {
    await press('open', 'right', 'nextPage');
    await inspector.deleteTask('mail', 'm4');
    await dash.tick();

    expect(taskIds()).toEqual(['m1', 'm2', 'm3']);
  });

  it('keeps the cursor on its row when others are inserted before it', async () => {
    await press('down');
    await client.enqueue('email', {}, { queue: 'a-new-one' });
    await dash.tick();

    expect(selectedQueue(dash.state)?.queue).toBe('reports');
  });

  it('stays with its task when the terminal gets smaller', async () => {
    await dash.resize(LINES + 1, 80);
    await press('open', 'right', 'down', 'down');
    expect(taskIds()).toEqual(['m1', 'm2', 'm3', 'm4']);

    await dash.resize(LINES - 1, 80);

    expect(taskIds()).toEqual(['m3', 'm4']);
    expect(selectedTask(dash.state)?.id).toBe('m3');
  });

  it('is left by going back from the first view, and by quitting anywhere', async () => {
    await press('back');
    await press('open', 'quit');

    expect(onQuit).toHaveBeenCalledTimes(2);
  });
});

describe('changing something', () => {
  it.each([
    ['run', 'task r1 is now pending', 'pending'],
    ['archive', 'task r1 archived', 'archived'],
    ['delete', 'task r1 deleted', undefined],
  ] as const)('can %s a task after confirmation', async (command, notice, state) => {
    await press('down', 'open', 'right', 'right', 'right', command);
    expect(dash.state.asked?.question).toContain('task r1');
    expect((await inspector.taskInfo('reports', 'r1')).state).toBe('scheduled');

    await press('yes');

    expect(dash.state).toMatchObject({ asked: undefined, notice });
    const now = inspector.taskInfo('reports', 'r1').then((task) => task.state);
    expect(await now.catch(() => undefined)).toBe(state);
  });

  it('pauses a queue and resumes it', async () => {
    await press('pause', 'yes');
    expect(selectedQueue(dash.state)).toMatchObject({ queue: 'mail', isPaused: true });

    await press('pause', 'yes');
    expect(selectedQueue(dash.state)).toMatchObject({ queue: 'mail', isPaused: false });
  });

  it('changes nothing when the answer is no', async () => {
    await press('pause', 'no', 'yes');

    expect(dash.state.asked).toBeUndefined();
    expect(selectedQueue(dash.state)?.isPaused).toBe(false);
  });

  it('changes the task of the question, and only in the state that was shown', async () => {
    await press('open', 'right', 'delete');
    await inspector.archiveTask('mail', 'm1');
    await dash.tick();
    expect(selectedTask(dash.state)?.id).toBe('m2');

    await press('yes');

    expect(dash.state.notice).toMatch(/^error: task m1 .* archived/);
    expect(taskIds()).toEqual(['m2', 'm3', 'm4']);
  });
});

describe('a running task', () => {
  it.each([
    ['run', 'retry'],
    ['archive', 'archive'],
    ['delete', 'delete'],
    ['cancel', 'retry'],
  ] as const)('is canceled by "%s"', async (command, outcome) => {
    const task = { queue: 'mail', id: 'm1', state: 'active', payload: new Uint8Array() } as TaskInfo;
    vi.spyOn(inspector, 'listTasks').mockResolvedValue([task]);
    const cancel = vi.spyOn(inspector, 'cancel').mockResolvedValue('requested');
    await press('open', command);
    expect(dash.state.asked?.question).toMatch(/^It is running\. Cancel task m1, /);

    await press('yes');

    expect(cancel).toHaveBeenCalledWith('mail', 'm1', { outcome });
    expect(dash.state.notice).toBe('task m1 is asked to stop');
  });
});

describe('finding', () => {
  const type = async (text: string): Promise<void> => {
    for (const letter of text) await dash.edit({ kind: 'add', text: letter });
  };

  it('filters the queues while the text is typed, until it is dropped', async () => {
    await press('filter');
    await type('rexx');
    await dash.edit({ kind: 'erase' });
    await dash.edit({ kind: 'erase' });
    expect(selectedQueue(dash.state)?.queue).toBe('reports');

    await dash.edit({ kind: 'accept' });
    await press('down');
    expect(selectedQueue(dash.state)?.queue).toBe('reports');

    await press('filter');
    await dash.edit({ kind: 'abandon' });
    expect(selectedQueue(dash.state)?.queue).toBe('mail');
  });

  it('filters the tasks by their payloads, ids, types and errors', async () => {
    await press('open', 'right', 'filter');
    await type('"N":4');
    await dash.edit({ kind: 'accept' });

    expect(taskIds()).toEqual(['m4']);
    expect(shown(dash.state).content).toMatchObject({ found: { count: 1, isAll: true } });
  });

  it('goes to a queue by the beginning of its name', async () => {
    await press('jump');
    await type('rep');
    await dash.edit({ kind: 'accept' });
    expect(shown(dash.state)).toMatchObject({ view: { kind: 'queue', queue: 'reports' }, content: { kind: 'queue' } });

    await press('jump');
    await type('nosuch');
    await dash.edit({ kind: 'accept' });
    expect(dash.state.notice).toBe('error: no queue is named like "nosuch"');
  });

  it('sorts the queues', async () => {
    await client.enqueueMany(Array.from({ length: 9 }, () => ({ type: 'email', options: { queue: 'zoo' } })));
    await dash.tick();

    await press('sort');

    expect(selectedQueue(dash.state)?.queue).toBe('zoo');
    await press('sort', 'sort', 'sort');
    expect(selectedQueue(dash.state)?.queue).toBe('mail');
  });

  it('marks tasks, for which the actions then are', async () => {
    await press('open', 'right', 'mark', 'down', 'mark', 'delete');
    expect(dash.state.asked?.question).toBe('Delete 2 tasks?');

    await press('yes');

    expect(dash.state.notice).toBe('2 tasks: done');
    expect(taskIds()).toEqual(['m2', 'm4']);
    expect(shown(dash.state).marked.size).toBe(0);
  });
});

describe('a long task', () => {
  it('is scrolled, to its end at most', async () => {
    const lastError = Array.from({ length: 40 }, (_, n) => `at line ${n}`).join('\n');
    const fixed = { queue: 'mail', id: 'm1', type: 'email', state: 'pending', retried: 0, maxRetry: 1 } as const;
    const task = { ...fixed, payload: new Uint8Array(), lastError } as TaskInfo;
    vi.spyOn(inspector, 'taskInfo').mockResolvedValue(task);
    await press('open', 'right', 'open');
    const reads = vi.mocked(inspector.taskInfo).mock.calls.length;
    const scroll = (): unknown => (shown(dash.state).view as { scroll?: number }).scroll;

    await press('down', 'down', 'up');
    expect(scroll()).toBe(1);

    for (let n = 0; n < 30; n++) await press('nextPage');
    const end = scroll() as number;
    await press('up');
    expect(scroll()).toBe(end - 1);
    expect(vi.mocked(inspector.taskInfo).mock.calls).toHaveLength(reads);
  });
});

describe('reading again', () => {
  it('keeps its content when Redis fails, and shows the error until it works again', async () => {
    vi.spyOn(inspector, 'queues').mockRejectedValueOnce(new Error('gone'));
    const before = shown(dash.state).content;

    await dash.tick();
    expect(dash.state.loadError).toBe('error: gone');
    expect(shown(dash.state).content).toBe(before);

    await dash.tick();
    expect(dash.state.loadError).toBeUndefined();
  });

  it('shows the queues that a silent node does not hold, and names the others', async () => {
    const read = inspector.queueInfo.bind(inspector);
    const away = new RedisCommandError('queue-stats', true, { cause: new Error('no reply') });
    const queueInfo = vi
      .spyOn(inspector, 'queueInfo')
      .mockImplementation((name, options) => (name === 'mail' ? Promise.reject(away) : read(name, options)));

    await dash.tick();
    expect(shown(dash.state).content).toMatchObject({ queues: [{ queue: 'reports' }] });
    expect(dash.state.loadError).toMatch(/^error: no answer about "mail": .*queue-stats/);

    queueInfo.mockRestore();
    await dash.tick();
    expect(shown(dash.state).content).toMatchObject({ queues: [{ queue: 'mail' }, { queue: 'reports' }] });
    expect(dash.state.loadError).toBeUndefined();
  });

  it('shows the servers that a silent node does not hold, and names the others', async () => {
    vi.spyOn(inspector, 'servers').mockImplementation(async (options) => {
      options?.onUnanswered?.('asynq:servers:{a}', new Error('no reply'));
      return [];
    });

    await press('right');

    expect(shown(dash.state).content).toMatchObject({ kind: 'servers', servers: [] });
    expect(dash.state.loadError).toBe('error: no answer about asynq:servers:{a}: no reply');
  });

  it('never reads twice at a time: a tick waits for the next tick, a refresh for the end of the read', async () => {
    let answer = (_names: string[]): void => undefined;
    const slow = new Promise<string[]>((resolve) => (answer = resolve));
    const queues = vi.spyOn(inspector, 'queues').mockReturnValueOnce(slow);

    const first = dash.refresh();
    await dash.tick();
    const refreshes = [dash.refresh(), dash.refresh()];
    expect(queues).toHaveBeenCalledTimes(1);
    answer(['mail']);
    await Promise.all([first, ...refreshes]);

    expect(queues).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['by name', [], 0],
    ['by size', ['sort'], 5_000],
  ] as const)('reads, keeps and lays out no more than the queues in sight, of 5,000 %s', async (_, keys, ofOrder) => {
    vi.spyOn(inspector, 'queues').mockResolvedValue(Array.from({ length: 5_000 }, (_, n) => `q${n}`));
    const info = vi.spyOn(inspector, 'queueInfo').mockImplementation((queue) => {
      return Promise.resolve({ queue, size: Number(queue.slice(1)) } as QueueInfo);
    });
    await press(...keys);
    info.mockClear();

    await dash.tick();

    const { content } = shown(dash.state);
    expect(info).toHaveBeenCalledTimes(ofOrder + 8);
    expect(content).toMatchObject({ queues: { length: 8 }, figures: { size: ofOrder } });
    expect(selectedQueue(dash.state)?.queue).toBe(ofOrder > 0 ? 'q4999' : 'q0');
  });

  it('reads the memory of the visible queues only', async () => {
    for (let n = 0; n < 8; n++) await client.enqueue('email', {}, { queue: `q${n}` });
    const info = vi.spyOn(inspector, 'queueInfo').mockImplementation((queue, { memory } = {}) => {
      return Promise.resolve({ queue, size: 0, memoryBytes: memory ? 100 : undefined } as QueueInfo);
    });
    const asked = () => info.mock.calls.flatMap(([queue, options]) => (options?.memory ? [queue] : []));

    await dash.tick();
    expect(asked()).toHaveLength(8);
    info.mockClear();
    await press('nextPage');

    expect(asked()).toEqual(['q7', 'reports']);
    expect(shown(dash.state).content).toMatchObject({
      queues: [{ queue: 'q7' }, { queue: 'reports', memoryBytes: 100 }],
    });
  });

  it('ignores a queue that is removed while it reads, and invalid names', async () => {
    vi.spyOn(inspector, 'queues').mockResolvedValueOnce(['', 'gone', 'mail', 'sp{l}it']);

    await dash.tick();

    expect(dash.state.loadError).toBeUndefined();
    expect(shown(dash.state).content).toMatchObject({ names: ['mail'], queues: [{ queue: 'mail' }] });
  });

  it('drops content for a view that was left', async () => {
    const late = dash.refresh();
    await press('right');
    await late;

    expect(shown(dash.state)).toMatchObject({ view: { kind: 'servers' }, content: { kind: 'servers' } });
  });
});
