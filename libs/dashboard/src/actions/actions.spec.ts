import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestDashboard, useTestAssets } from '../test-dashboard.fixture.js';

let dash: TestDashboard;

beforeEach(async () => {
  useTestAssets();
  dash = await startTestApp();
  for (const id of ['a', 'b', 'c']) await dash.tasks.enqueue('email', { id }, { queue: 'mail', taskId: id });
  await dash.tasks.enqueue('email', { id: 's' }, { queue: 'mail', taskId: 's', processIn: '1h', headers: { h: '1' } });
});

afterEach(() => dash.app.close());

const stateOf = async (id: string, queue = 'mail') =>
  dash.inspector.taskInfo(queue, id).then(
    ({ state }) => state,
    () => undefined,
  );

const act = (body: object) => dash.post('/monitoring/api/tasks/act', body);

const refs = (...ids: string[]) => ids.map((id) => ({ queue: 'mail', id }));

describe('an action on queues', () => {
  it('pauses and resumes, and says whether that changed anything', async () => {
    const answers = [];
    for (const path of ['pause', 'pause', 'resume', 'resume']) {
      answers.push((await dash.post(`/monitoring/api/queue/${path}`, { queue: 'mail' })).body);
    }

    expect(answers).toEqual([{ changed: true }, { changed: false }, { changed: true }, { changed: false }]);
  });

  it('pauses a queue that does not exist, as in asynq, and says so', async () => {
    const one = await dash.post('/monitoring/api/queue/pause', { queue: 'nowhere' });
    const several = await dash.post('/monitoring/api/queues/pause', { queues: ['mail', 'nowhere', 'never'] });
    const resumed = await dash.post('/monitoring/api/queues/resume', { queues: ['mail', 'nowhere', 'never'] });

    expect(one.body).toEqual({ changed: true, unknown: true });
    expect(several.body).toEqual({
      changed: ['mail', 'never'],
      unchanged: ['nowhere'],
      failed: [],
      unknown: ['never', 'nowhere'],
    });
    expect(resumed.body).toEqual({ changed: ['mail', 'nowhere', 'never'], unchanged: [], failed: [] });
  });

  it('refuses to delete a queue with tasks, and deletes or purges it with force', async () => {
    const refused = await dash.post('/monitoring/api/queue/delete', { queue: 'mail' });
    const deleted = await dash.post('/monitoring/api/queue/delete', { queue: 'mail', force: true });
    await dash.tasks.enqueue('email', 1, { queue: 'mail' });
    const purged = await dash.post('/monitoring/api/queue/purge', { queue: 'mail' });

    expect([refused.status, refused.body.error.code]).toEqual([409, 'QUEUE_NOT_EMPTY']);
    expect([deleted.body, purged.body]).toEqual([{ changed: true }, { changed: true }]);
    expect(await dash.inspector.queues()).toEqual([]);
  });

  it('shows the change in the next answer', async () => {
    await dash.get('/monitoring/api/overview');
    await dash.post('/monitoring/api/queue/pause', { queue: 'mail' });

    expect((await dash.get('/monitoring/api/overview')).body.queues[0].isPaused).toBe(true);
  });
});

describe('an action on several queues', () => {
  const change = (verb: 'pause' | 'resume', ...queues: string[]) =>
    dash.post(`/monitoring/api/queues/${verb}`, { queues });

  it('pauses and resumes them, and says which were so before', async () => {
    await dash.tasks.enqueue('email', 1, { queue: 'other' });
    await dash.inspector.pauseQueue('other');

    const paused = await change('pause', 'mail', 'other', 'mail');
    const resumed = await change('resume', 'mail', 'other');

    expect(paused.body).toEqual({ changed: ['mail'], unchanged: ['other'], failed: [] });
    expect(resumed.body).toEqual({ changed: ['mail', 'other'], unchanged: [], failed: [] });
    expect((await dash.inspector.queueInfo('mail')).isPaused).toBe(false);
  });

  it('reports each that was refused, does the others, and is one line in the audit', async () => {
    const { status, body } = await change('pause', 'b{ad', 'mail');

    expect([status, body.changed]).toEqual([200, ['mail']]);
    expect(body.failed).toEqual([{ queue: 'b{ad', code: 'INVALID', message: expect.any(String) }]);
    expect(dash.actions).toMatchObject([{ action: 'pauseQueue', queues: ['b{ad', 'mail'], count: 1, failed: 1 }]);
  });

  it('shows the change in the next answer', async () => {
    await dash.get('/monitoring/api/overview');
    await change('pause', 'mail');

    expect((await dash.get('/monitoring/api/overview')).body.queues[0].isPaused).toBe(true);
  });

  it.each([
    [{}, 'queues'],
    [{ queues: [] }, 'queues'],
    [{ queues: 'mail' }, 'queues'],
    [{ queues: [1] }, 'queues'],
    [{ queues: Array.from({ length: 201 }, (_, nth) => `q${nth}`) }, 'queues'],
  ])('refuses %j', async (body, field) => {
    const answer = await dash.post('/monitoring/api/queues/pause', body);

    expect(answer.status).toBe(400);
    expect(answer.body.error.problems.map((problem: { field: string }) => problem.field)).toContain(field);
  });
});

describe('an action on named tasks', () => {
  it.each([
    ['archive', {}, 'archived'],
    ['delete', {}, undefined],
    ['reschedule', { atMs: Date.now() + 60_000 }, 'scheduled'],
    ['cancel', { outcome: 'archive' }, 'archived'],
    ['cancel', { outcome: 'delete' }, undefined],
    ['runNext', {}, 'pending'],
  ])('does %s', async (action, more, state) => {
    const { status, body } = await act({ action, items: refs('a', 'b'), ...more });

    expect([status, body.done, body.failed]).toEqual([200, 2, []]);
    expect([await stateOf('a'), await stateOf('b'), await stateOf('c')]).toEqual([state, state, 'pending']);
  });

  it('runs a scheduled task, and moves one to another queue', async () => {
    const ran = await act({ action: 'run', items: refs('s') });
    const moved = await act({ action: 'move', items: refs('a'), target: 'other' });

    expect([ran.body.done, moved.body.done]).toEqual([1, 1]);
    expect([await stateOf('s'), await stateOf('a'), await stateOf('a', 'other')]).toEqual([
      'pending',
      undefined,
      'pending',
    ]);
  });

  it('reports each that failed, and does the others', async () => {
    const { body } = await act({ action: 'archive', items: refs('none', 'a'), expectedState: 'pending' });

    expect(body).toEqual({
      done: 1,
      failed: [{ queue: 'mail', id: 'none', code: 'TASK_NOT_FOUND', message: expect.any(String) }],
    });
    expect((await act({ action: 'delete', items: refs('a'), expectedState: 'pending' })).body.failed).toMatchObject([
      { id: 'a', code: 'TASK_STATE' },
    ]);
  });

  it('tells what became of canceled tasks', async () => {
    const { body } = await act({ action: 'cancel', items: refs('a', 's'), outcome: 'archive' });

    expect(body.replies).toEqual({ requested: 0, archived: 2, deleted: 0, unchanged: 0 });
  });

  it.each([
    [{ action: 'none', items: [{ queue: 'q', id: 'x' }] }, 'action'],
    [{ action: 'run', items: [] }, 'items'],
    [{ action: 'run', items: [{ queue: 'q' }] }, 'items'],
    [{ action: 'run', items: Array.from({ length: 1_001 }, () => ({ queue: 'q', id: 'x' })) }, 'items'],
    [{ action: 'cancel', items: [{ queue: 'q', id: 'x' }] }, 'outcome'],
    [{ action: 'reschedule', items: [{ queue: 'q', id: 'x' }] }, 'atMs'],
    [{ action: 'reschedule', items: [{ queue: 'q', id: 'x' }], atMs: 1e300 }, 'atMs'],
    [{ action: 'move', items: [{ queue: 'q', id: 'x' }] }, 'target'],
    [{ action: 'run', items: [{ queue: 'q', id: 'x' }], target: 'y' }, 'target'],
  ])('refuses %j', async (body, field) => {
    const answer = await act(body);

    expect(answer.status).toBe(400);
    expect(answer.body.error.problems.map((problem: { field: string }) => problem.field)).toContain(field);
  });
});

describe('tasks anew', () => {
  it('replaces the payload of a scheduled task, byte for byte', async () => {
    const data = '{"n":12345678901234567890,"n":1.0}';
    const { status } = await dash.post('/monitoring/api/task/payload', {
      queue: 'mail',
      id: 's',
      payload: { encoding: 'text', data },
    });

    expect(status).toBe(200);
    expect(Buffer.from((await dash.inspector.taskInfo('mail', 's')).payload).toString()).toBe(data);
  });

  it('refuses the payload of a task that is not scheduled', async () => {
    const payload = { encoding: 'base64', data: '/wA=' };
    const { status, body } = await dash.post('/monitoring/api/task/payload', { queue: 'mail', id: 'a', payload });

    expect([status, body.error.code]).toEqual([409, 'TASK_STATE']);
  });

  it('enqueues a copy with its options, elsewhere and later', async () => {
    const processAtMs = Date.now() + 3_600_000;
    const { body } = await dash.post('/monitoring/api/task/again', {
      queue: 'mail',
      id: 's',
      target: 'other',
      processAtMs,
    });

    expect(body).toEqual({ queue: 'other', id: expect.any(String), state: 'scheduled' });
    expect(body.id).not.toBe('s');
    const copy = await dash.inspector.taskInfo('other', body.id);
    expect(copy).toMatchObject({ type: 'email', headers: { h: '1' }, maxRetry: 25 });
    expect(Buffer.from(copy.payload).toString()).toBe('{"id":"s"}');
    expect(copy.nextProcessAt?.getTime()).toBe(processAtMs);
  });

  it('enqueues a new task, and refuses a second of its id or lock', async () => {
    const task = {
      queue: 'new',
      type: 'report',
      payload: { encoding: 'text', data: '{"a":1}' },
      id: 'x',
      maxRetry: 2,
      uniqueMs: 60_000,
    };
    const first = await dash.post('/monitoring/api/tasks/new', task);
    const sameId = await dash.post('/monitoring/api/tasks/new', { ...task, payload: { encoding: 'text', data: '2' } });
    const sameLock = await dash.post('/monitoring/api/tasks/new', { ...task, id: 'y' });

    expect(first.body).toEqual({ queue: 'new', id: 'x', state: 'pending' });
    expect([sameId.body.error.code, sameLock.body.error.code]).toEqual(['TASK_ID_CONFLICT', 'DUPLICATE_TASK']);
    expect(await dash.inspector.taskInfo('new', 'x')).toMatchObject({ maxRetry: 2, type: 'report' });
  });

  it('refuses wrong options of a new task', async () => {
    const task = { queue: '{x}', type: ' ', payload: { encoding: 'hex', data: '' }, maxRetry: -1, headers: { a: 1 } };
    const { status, body } = await dash.post('/monitoring/api/tasks/new', task);

    expect(status).toBe(400);
    expect(body.error.problems.map(({ field }: { field: string }) => field)).toEqual([
      'payload',
      'maxRetry',
      'headers',
    ]);
  });
});

describe('an action on all that match', () => {
  const lines = async (body: object) => {
    const { text, headers, status } = await dash.post('/monitoring/api/tasks/act-matching', body);
    return {
      status,
      type: headers.get('content-type'),
      lines: text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    };
  };

  it('only counts on a dry run', async () => {
    const { type, lines: told } = await lines({ action: 'delete', filter: { payload: '"a"' }, dryRun: true });

    expect(type).toBe('application/x-ndjson');
    expect(told.at(-1)).toEqual({
      kind: 'end',
      report: { matched: 1, done: 0, skipped: 0, parts: [{ queue: 'mail', state: 'pending', matched: 1, done: 0 }] },
    });
    expect(await stateOf('a')).toBe('pending');
    expect(dash.actions).toEqual([]);
  });

  it('counts those of lists that have just been empty', async () => {
    const order = { action: 'delete', filter: { queue: ['lists'] }, dryRun: true };
    await dash.tasks.enqueue('t', 1, { queue: 'lists' });
    const before = (await lines(order)).lines.at(-1).report;
    await dash.tasks.enqueue('t', 1, { queue: 'lists', processIn: '1h' });
    const after = (await lines(order)).lines.at(-1).report;
    await dash.inspector.deleteQueue('lists', { force: true });

    expect([before.matched, after.matched]).toEqual([1, 2]);
  });

  it('acts on them, and reports what a state does not allow', async () => {
    const { lines: told } = await lines({ action: 'run', filter: { queue: ['mail'] } });

    expect(told.at(-1)).toEqual({
      kind: 'end',
      report: {
        matched: 4,
        done: 1,
        skipped: 3,
        parts: [
          { queue: 'mail', state: 'pending', matched: 3, done: 0, problem: 'not possible for pending tasks' },
          { queue: 'mail', state: 'scheduled', matched: 1, done: 1 },
        ],
      },
    });
    expect(dash.actions).toMatchObject([
      { action: 'run', queues: ['mail'], count: 1, failed: 3, filter: { queue: ['mail'] } },
    ]);
  });

  it('tells its progress', async () => {
    const { lines: told } = await lines({ action: 'archive', filter: { type: 'email' } });

    expect(told[0]).toMatchObject({ kind: 'progress', phase: 'acting' });
    expect(told.at(-1).report).toMatchObject({ matched: 4, done: 4, skipped: 0 });
  });

  it('does nothing when many more match than were confirmed', async () => {
    for (let i = 0; i < 20; i++) await dash.tasks.enqueue('email', i, { queue: 'mail' });

    const { lines: told } = await lines({ action: 'delete', filter: {}, confirmed: 4 });

    expect(told.at(-1)).toMatchObject({ kind: 'error', code: 'TASK_STATE', report: { done: 0 } });
    expect(await stateOf('a')).toBe('pending');
  });

  it('refuses a wrong order before it begins', async () => {
    const wrong = await dash.post('/monitoring/api/tasks/act-matching', {
      action: 'move',
      filter: { state: ['none'] },
    });

    expect(wrong.status).toBe(400);
  });
});

describe('the audit', () => {
  it('tells who did what to which tasks, but no payloads', async () => {
    await act({ action: 'archive', items: refs('a', 'none') });
    await dash.post('/monitoring/api/task/payload', {
      queue: 'mail',
      id: 's',
      payload: { encoding: 'text', data: 'secret' },
    });

    expect(dash.actions).toEqual([
      {
        at: expect.any(Date),
        who: undefined,
        action: 'archive',
        connection: 'default',
        queues: ['mail'],
        taskIds: ['a', 'none'],
        count: 1,
        failed: 1,
      },
      {
        at: expect.any(Date),
        who: undefined,
        action: 'editPayload',
        connection: 'default',
        queues: ['mail'],
        taskIds: ['s'],
        count: 1,
        failed: 0,
      },
    ]);
  });

  it("is one line of the app's log for each action", async () => {
    const lines: unknown[][] = [];
    const log = { log: (...line: unknown[]) => lines.push(line), error() {}, warn() {}, debug() {} };
    await using logging = await startTestApp({ log, dashboard: { access: () => ({ who: 'ada', right: 'admin' }) } });
    await logging.tasks.enqueue('email', { secret: 'hunter2' }, { queue: 'mail', taskId: 'a' });
    await logging.post('/monitoring/api/tasks/act', { action: 'archive', items: refs('a', 'none') });

    const noted = lines.filter((line) => line.at(-1) === 'AsynqDashboard');
    expect(noted).toHaveLength(1);
    expect(noted[0]![0]).toMatch(/^ada: archive, 1 done, 1 failed/);
    expect(JSON.stringify(noted)).toContain('mail');
    expect(JSON.stringify(noted)).not.toContain('hunter2');
  });

  it('notes actions that failed', async () => {
    await dash.post('/monitoring/api/queue/delete', { queue: 'mail' });

    expect(dash.actions).toMatchObject([
      { action: 'deleteQueue', queues: ['mail'], count: 0, failed: 1, error: expect.any(String) },
    ]);
  });
});
