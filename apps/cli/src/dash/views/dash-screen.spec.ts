import { stripVTControlCharacters } from 'node:util';
import type { QueueInfo, ServerInfo, TaskInfo, WorkerInfo } from '@nestjs-asynq/core';
import { renderToString } from 'ink';
import { createElement } from 'react';
import { describe, expect, it, vi } from 'vitest';
import type { Dash } from '../dash.js';
import { BINDINGS } from '../keys.js';
import { type DashState, firstState, navigate, received, shown } from '../state.js';
import type { Content } from '../view.js';
import { DashScreen } from './dash-screen.js';

const NOW_MS = Date.parse('2030-01-01T12:00:00Z');
const WIDE = { lines: 40, columns: 120 };
const SMALL = { lines: 15, columns: 60 };

/** The lines of the screen, without blanks at their ends. */
function screenOf(state: DashState): string[] {
  const dash = { state } as Dash;
  const drawn = renderToString(createElement(DashScreen, { dash, subscribe: () => () => undefined }), {
    columns: state.columns,
  });
  return stripVTControlCharacters(drawn)
    .split('\n')
    .map((line) => line.trimEnd());
}

function home({ lines, columns }: typeof WIDE, content: Content): DashState {
  const first = firstState(lines, columns);
  const state = content.kind === 'servers' ? navigate(first, 'right') : first;
  return received(state, shown(state).view, content, NOW_MS);
}

function worker(taskId: string, ranMs: number, more: Partial<WorkerInfo> = {}): WorkerInfo {
  const taskPayload = Buffer.from('{"n":1}');
  const times = { startedAt: new Date(NOW_MS - ranMs), deadline: new Date(NOW_MS + 60_000) };
  return { taskId, taskType: 'email', queue: 'mail', taskPayload, isPayloadCut: false, ...times, ...more };
}

function server(id: string, workers: readonly WorkerInfo[]): ServerInfo {
  const fixed = { concurrency: 10, queues: { mail: 1 }, strictPriority: false, status: 'active' } as const;
  return { ...fixed, id, host: id, pid: 1, startedAt: new Date(NOW_MS - 5_000), workers };
}

function queue(name: string): QueueInfo {
  const counts = { active: 0, aggregating: 0, scheduled: 0, retry: 0, archived: 0, completed: 0 };
  const totals = { processedToday: 0, failedToday: 0, processedTotal: 0, failedTotal: 0 };
  const facts = {
    size: 2,
    groups: 0,
    latencyMs: 0,
    overdueMs: 0,
    memoryBytes: undefined,
    memoryErrorBytes: undefined,
    isPaused: false,
    readAt: new Date(NOW_MS),
  };
  return { queue: name, pending: 2, ...counts, ...totals, ...facts, pausedAt: undefined, wrongTypeKeys: [] };
}

const queues = (count: number): Content => ({
  kind: 'queues',
  names: Array.from({ length: count }, (_, n) => `queue-${n}`),
  figures: new Map(),
  queues: Array.from({ length: count }, (_, n) => queue(`queue-${n}`)),
});

describe('the servers', () => {
  it('are shown above the tasks of the selected one, the longest running first', () => {
    const servers = [
      server('one', [worker('young', 1_000), worker('old', 90_000, { queue: 'low', taskType: 'report' })]),
      server('two', [worker('other', 2_000)]),
    ];
    const state = home(WIDE, { kind: 'servers', servers });

    expect(screenOf(state).slice(2, 11)).toEqual([
      'Host  PID  State   Active Workers  Queues  Started',
      '----  ---  -----   --------------  ------  -------',
      'one   1    active  2/10            mail:1  5s ago',
      'two   1    active  1/10            mail:1  5s ago',
      '',
      'Task ID  Type    Queue  Started    Deadline  Payload',
      '-------  ----    -----  -------    --------  -------',
      'old      report  low    1m30s ago  in 1m0s   {"n":1}',
      'young    email   mail   1s ago     in 1m0s   {"n":1}',
    ]);
    expect(screenOf(navigate(state, 'down'))[9]).toMatch(/^other +email +mail +2s ago/);
  });

  it('show how many tasks are hidden', () => {
    const workers = Array.from({ length: 12 }, (_, n) => worker(`task-${n}`, 1_000 * n));

    const screen = screenOf(home(SMALL, { kind: 'servers', servers: [server('one', workers)] }));

    expect(screen.slice(7, 12)).toEqual([
      expect.stringMatching(/^-------/),
      expect.stringMatching(/^task-11 /),
      expect.stringMatching(/^task-10 /),
      'Showing 1-2 out of 12',
      '',
    ]);
  });

  it('may have nothing to do', () => {
    expect(screenOf(home(WIDE, { kind: 'servers', servers: [server('one', [])] }))).toContain('It runs no task now');
    expect(screenOf(home(WIDE, { kind: 'servers', servers: [] }))).toContain('No running servers');
  });
});

describe('the queues', () => {
  it('have bars where there is room', () => {
    const screen = screenOf(home(WIDE, queues(3)));

    expect(screen.filter((line) => /^queue-\d +█+ 2$/.test(line))).toHaveLength(3);
    expect(screen.filter((line) => /^queue-\d +RUN +2 /.test(line))).toHaveLength(3);
  });

  it('distinguish states by letters without colors', () => {
    vi.stubEnv('NO_COLOR', '1');
    const mixed = { ...queue('mixed'), size: 3, pending: 1, retry: 1, archived: 1 };

    const screen = screenOf(home(WIDE, { kind: 'queues', names: ['mixed'], figures: new Map(), queues: [mixed] }));
    vi.unstubAllEnvs();

    expect(screen[2]).toBe('█ active ▒ pending g aggregating s scheduled r retry a archived c completed');
    expect(screen[3]).toMatch(/^mixed +▒+r+a+ 3$/);
  });

  it('fill a small terminal without bars, a page at a time', () => {
    const first = home(SMALL, queues(20));
    const second = navigate(first, 'nextPage');

    expect(screenOf(first).join('\n')).not.toContain('█');
    expect(screenOf(first)[10]).toMatch(/^queue-6 /);
    expect(screenOf(first)[11]).toBe('Showing 1-7 out of 20');
    expect(screenOf(second)[4]).toMatch(/^queue-7 /);
    expect(screenOf(second)[11]).toBe('Showing 8-14 out of 20');
    expect(screenOf(navigate(second, 'previousPage'))).toEqual(screenOf(first));
  });
});

describe('a task', () => {
  const TASK = {
    id: 'one',
    type: 'email',
    queue: 'mail',
    state: 'completed',
    retried: 0,
    maxRetry: 25,
    lastError: 'x'.repeat(5_000),
    payload: Buffer.from(`{\n${'漢'.repeat(2_000)}}`),
    result: Buffer.of(0xff, 0),
  } as unknown as TaskInfo;

  it.each([WIDE, SMALL])('shows what fits on $columns x $lines', (size) => {
    const queueState = home(size, queues(1));
    const opened = navigate(queueState, 'open');
    const content: Content = { kind: 'queue', info: queue('queue-0'), groups: [], tasks: [TASK] };
    const listed = received(opened, shown(opened).view, content, NOW_MS);
    const task = navigate(listed, 'open');

    const screen = screenOf(received(task, shown(task).view, { kind: 'task', task: TASK }, NOW_MS));

    expect(screen).toHaveLength(size.lines - 1);
    expect(screen).toContainEqual(expect.stringMatching(/^Payload +\{$/));
    expect(screen).toContainEqual(expect.stringMatching(/^ +漢+$/));
    expect(screen.at(-3)).toMatch(/^\d+ more lines ↓$/);
    expect(screen.at(-1)).toMatch(/^\? help {2}q back/);
  });
});

describe('a failed task', () => {
  it('shows its error with line breaks, its headers, crashes and timeout', () => {
    const task = {
      ...{ id: 'one', type: 'email', queue: 'mail', state: 'archived', retried: 1, maxRetry: 2, crashes: 3 },
      ...{
        timeoutMs: 90_000,
        headers: { tenant: 'a' },
        payload: Buffer.from('{}'),
        lastError: 'Error: gone\n    at f',
      },
    } as unknown as TaskInfo;
    const opened = navigate(home(WIDE, queues(1)), 'open');
    const listed = received(
      opened,
      shown(opened).view,
      { kind: 'queue', info: queue('q'), groups: [], tasks: [task] },
      NOW_MS,
    );
    const view = navigate(listed, 'open');

    const screen = screenOf(received(view, shown(view).view, { kind: 'task', task }, NOW_MS));

    expect(screen).toEqual(
      expect.arrayContaining([
        'Crashes            3',
        'Timeout            1m30s',
        'Header             tenant: a',
        'Last Failure       Error: gone',
        '                       at f',
      ]),
    );
  });
});

describe('the rest', () => {
  it('has a help for every key that fits on a small terminal', () => {
    const screen = screenOf(navigate(firstState(SMALL.lines, SMALL.columns), 'help'));

    const keys = BINDINGS.flatMap(({ help }) => (help ? [help[0]] : []));
    expect(screen.slice(2, 2 + keys.length).map((line) => line.slice(0, 14).trim())).toEqual(keys);
    expect(screen.at(-1)).toBe('q back');
  });

  it('shows an error instead of waiting', () => {
    const first = firstState(WIDE.lines, WIDE.columns);

    expect(screenOf(first)).toContain('Loading…');
    const failed = screenOf({ ...first, loadError: 'error: gone' });
    expect(failed).not.toContain('Loading…');
    expect(failed).toContain('error: gone');
  });
});
