import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { READS, WRITES } from '../api/routes.js';
import { sendRaw, startTestApp, type TestDashboard, useTestAssets } from '../test-dashboard.fixture.js';
import type { AccessAnswer } from './access-rule.js';

let dash: TestDashboard;

beforeEach(() => useTestAssets());
afterEach(() => dash.app.close());

const ITEM = { queue: 'mine', id: 'one' };
const CONTENT = { encoding: 'text', data: '1' };

/** A body that each write accepts. */
const BODIES: Readonly<Record<keyof typeof WRITES, object>> = {
  pauseQueue: { queue: 'mine' },
  resumeQueue: { queue: 'mine' },
  pauseQueues: { queues: ['mine'] },
  resumeQueues: { queues: ['mine'] },
  deleteQueue: { queue: 'mine', force: true },
  purgeQueue: { queue: 'mine' },
  act: { action: 'delete', items: [ITEM] },
  actMatching: { action: 'delete', filter: {} },
  editPayload: { ...ITEM, payload: CONTENT },
  again: ITEM,
  newTask: { queue: 'mine', type: 't', payload: CONTENT },
  runSchedule: { queue: 'mine', name: 's' },
  pauseSchedule: { queue: 'mine', name: 's' },
  resumeSchedule: { queue: 'mine', name: 's' },
  deleteSchedule: { queue: 'mine', name: 's' },
};

const writes = Object.keys(WRITES) as (keyof typeof WRITES)[];
/** Those that answer for each of the things that they are about. */
const OF_SEVERAL = ['pauseQueues', 'resumeQueues', 'act', 'actMatching'];

async function start(access: (request: { headers: Record<string, string> }) => AccessAnswer, readOnly = false) {
  dash = await startTestApp({ dashboard: { access, readOnly } });
  for (const queue of ['mine', 'hidden']) {
    await dash.tasks.enqueue('secret', { in: queue }, { queue, taskId: 'one' });
    await dash.tasks.enqueue('secret', { in: queue }, { queue, taskId: 'two', group: 'g' });
  }
}

describe('read-only', () => {
  it('refuses every write on the server, whatever the right', async () => {
    await start(() => 'admin', true);

    const answers = [];
    for (const name of writes) answers.push(await dash.post(`/monitoring/${WRITES[name]}`, BODIES[name]));

    expect(answers.map(({ status, body }) => [status, body.error.code])).toEqual(writes.map(() => [403, 'READ_ONLY']));
    expect((await dash.inspector.taskInfo('mine', 'one')).state).toBe('pending');
    expect(dash.actions).toEqual([]);
  });

  it('offers no action', async () => {
    await start(() => 'admin', true);

    const task = await dash.get('/monitoring/api/task?queue=mine&id=one');
    const session = await dash.get('/monitoring/api/session');

    expect(task.body.actions).toEqual([]);
    expect(session.body).toMatchObject({ right: 'view', readOnly: true });
  });
});

describe('rights', () => {
  it('let a viewer read everything and change nothing', async () => {
    await start(() => 'view');

    const read = await dash.get('/monitoring/api/task?queue=mine&id=one');
    const answers = [];
    for (const name of writes) answers.push(await dash.post(`/monitoring/${WRITES[name]}`, BODIES[name]));

    expect(read.status).toBe(200);
    const refused = answers.filter((_, i) => !OF_SEVERAL.includes(writes[i]!));
    expect(refused.map(({ status, body }) => [status, body.error.code])).toEqual(refused.map(() => [403, 'FORBIDDEN']));
    expect(answers[writes.indexOf('pauseQueues')]!.body).toMatchObject({
      changed: [],
      failed: [{ code: 'FORBIDDEN' }],
    });
    expect(answers[writes.indexOf('act')]!.body).toMatchObject({ done: 0, failed: [{ code: 'FORBIDDEN' }] });
    expect(answers[writes.indexOf('actMatching')]!.text).toContain('the right \\"admin\\" is missing');
    expect((await dash.inspector.queueInfo('mine')).size).toBe(2);
  });

  it('let an operator archive, but neither delete nor edit', async () => {
    await start(() => 'operate');

    const act = async (body: object) => (await dash.post('/monitoring/api/tasks/act', { items: [ITEM], ...body })).body;

    expect(await act({ action: 'delete' })).toMatchObject({ done: 0, failed: [{ code: 'FORBIDDEN' }] });
    expect(await act({ action: 'cancel', outcome: 'delete' })).toMatchObject({ done: 0 });
    expect(await act({ action: 'archive' })).toMatchObject({ done: 1 });
    expect((await dash.post('/monitoring/api/task/again', { ...ITEM, payload: CONTENT })).status).toBe(403);
    expect((await dash.post('/monitoring/api/task/again', ITEM)).status).toBe(200);
  });

  it('are decided for each request', async () => {
    await start(({ headers }) => (headers['x-person'] === 'ada' ? { right: 'admin', who: 'ada' } : false));

    const stranger = await dash.get('/monitoring/api/session');
    const page = await dash.get('/monitoring/');
    await dash.post('/monitoring/api/queue/pause', { queue: 'mine' }, { 'x-person': 'ada' });

    expect([stranger.status, stranger.body.error.code, page.status]).toEqual([403, 'FORBIDDEN', 403]);
    expect(dash.actions).toMatchObject([{ who: 'ada', action: 'pauseQueue' }]);
  });
});

describe('a hidden queue', () => {
  beforeEach(() => start(() => ({ right: 'admin', queues: (queue) => (queue === 'hidden' ? 'none' : 'admin') })));

  it('is absent from every list, count, search and stream', async () => {
    const paths = [
      'overview',
      'queues',
      'queue/history',
      'charts',
      'search?text=secret',
      'servers',
      'schedules',
      'live/once?queue=hidden&queue=mine',
    ];
    const answers = await Promise.all(paths.map((path) => dash.get(`/monitoring/api/${path}`)));

    expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 200));
    for (const { text } of answers) expect(text).not.toContain('hidden');
    expect(answers[0]!.body.totals).toMatchObject({ queues: 1, size: 2 });
    expect(answers[3]!.body.series.pending.at(-1)).toBe(1);
    expect(answers[4]!.body).toMatchObject({ total: 2, tasks: [{ queue: 'mine' }, { queue: 'mine' }] });
  });

  it('does not exist for requests about it', async () => {
    const query = 'queue=hidden&id=one&state=pending&entry=x&taskQueue=hidden&taskId=one';
    const about = [
      READS.queue,
      READS.history,
      READS.memory,
      READS.charts,
      READS.tasks,
      READS.task,
      READS.groups,
      READS.scheduleHistory,
      READS.schedules,
      READS.search,
    ];
    const answers = await Promise.all(about.map((path) => dash.get(`/monitoring/${path}?${query}`)));
    answers.push(await dash.get('/monitoring/api/live/once?taskQueue=hidden&taskId=one'));

    expect(answers.map(({ status, body }) => [status, body.error.code])).toEqual(
      answers.map(() => [404, 'QUEUE_NOT_FOUND']),
    );
  });

  it('is hidden in all of its parts', async () => {
    await dash.app.close();
    dash = await startTestApp({
      dashboard: { access: () => ({ right: 'admin', queues: (queue) => (queue === 'hidden' ? 'none' : 'admin') }) },
      asynq: { partitions: { hidden: 2 } },
    });
    await dash.tasks.enqueue('secret', 1, { queue: 'hidden', taskId: 'one' });
    const parts = await dash.inspector.partitions('hidden');

    const answers = await Promise.all(
      parts.map((part) =>
        dash.get(`/monitoring/api/task?${new URLSearchParams({ queue: part, id: 'one' }).toString()}`),
      ),
    );

    expect(parts).toHaveLength(2);
    expect(answers.map(({ status, body }) => [status, body.error.code])).toEqual(
      parts.map(() => [404, 'QUEUE_NOT_FOUND']),
    );
  });

  it('cannot be acted on', async () => {
    const hide = (body: object): object => JSON.parse(JSON.stringify(body).replaceAll('mine', 'hidden')) as object;
    const answers = [];
    for (const name of writes) answers.push(await dash.post(`/monitoring/${WRITES[name]}`, hide(BODIES[name])));
    const moved = await dash.post('/monitoring/api/tasks/act', { action: 'move', items: [ITEM], target: 'hidden' });

    const statuses = answers.map(({ status }, i) => [writes[i], status]);
    expect(statuses).toEqual(writes.map((name) => [name, OF_SEVERAL.includes(name) ? 200 : 404]));
    expect(answers[writes.indexOf('act')]!.body).toMatchObject({ done: 0, failed: [{ code: 'QUEUE_NOT_FOUND' }] });
    expect(answers[writes.indexOf('resumeQueues')]!.body.failed).toMatchObject([{ code: 'QUEUE_NOT_FOUND' }]);
    expect(answers[writes.indexOf('actMatching')]!.text).not.toContain('hidden');
    expect(moved.status).toBe(404);
    expect((await dash.inspector.queueInfo('hidden')).size).toBe(2);
  });

  it('keeps the figures of Redis from those who may not see all', async () => {
    expect((await dash.get('/monitoring/api/redis')).status).toBe(403);
  });
});

@Injectable()
class KeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: unknown }>();
    if (request.headers['authorization'] !== 'key') throw new UnauthorizedException();
    request.user = { email: 'ada@example.com', right: 'view' };
    return true;
  }
}

describe.each(['express', 'fastify'] as const)('guards under %s', (adapter) => {
  beforeEach(async () => {
    dash = await startTestApp({ adapter, unguarded: true, dashboard: { guards: [KeyGuard] } });
  });

  it('stand before every address', async () => {
    const paths = ['', '/', '/queues', '/assets/main-abc.js', ...Object.values(READS).map((path) => `/${path}`)];
    const reads = await Promise.all(paths.map((path) => dash.get(`/monitoring${path}`)));
    const written = await Promise.all(writes.map((name) => dash.post(`/monitoring/${WRITES[name]}`, BODIES[name])));

    expect(reads.map(({ status }, i) => [paths[i], status])).toEqual(paths.map((path) => [path, 401]));
    expect(written.map(({ status }) => status)).toEqual(writes.map(() => 401));
  });

  it.each([
    '/MONITORING/API/SESSION',
    '/monitoring/api/session/',
    '/monitoring//api/session',
    '/monitoring/./api/session',
    '/x/../monitoring/api/session',
    '/monitoring%2Fapi%2Fsession',
    '/monitoring/api%2fsession',
    '/monitoring/api/session;x=1',
    '/monitoring/api/session%00',
    '/monitoring/api/session?authorization=key',
    '/%6Donitoring/api/session',
  ])('are not passed by %s, with any method', async (path) => {
    const host = new URL(dash.origin).host;
    const methods = ['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'TRACE'];
    const pause = path.replace(/session/i, 'queue/pause');
    const headers = { host, 'content-type': 'application/json', 'x-asynq': '1', 'x-http-method-override': 'POST' };
    const answers = [];
    for (const method of methods) {
      answers.push(await sendRaw(dash.origin, path, { method, headers }));
      const body = method === 'POST' || method === 'PUT' ? { body: '{"queue":"guarded"}' } : {};
      answers.push(await sendRaw(dash.origin, pause, { method, headers, ...body }));
    }

    for (const { status, text } of answers) {
      expect(text).not.toContain('"right"');
      expect(text).not.toContain('"changed"');
      // Express itself tells the methods of an address.
      expect(status >= 400 || /^[A-Z, ]*$/.test(text), `${status} ${text}`).toBe(true);
    }
    expect(answers[1]!.status).toBeGreaterThanOrEqual(400);
    expect(await dash.inspector.queues()).not.toContain('guarded');
  });

  it('let those in whom they know, under their names', async () => {
    const session = await dash.get('/monitoring/api/session', { authorization: 'key' });

    expect(session.body).toMatchObject({ who: 'ada@example.com', right: 'admin' });
  });
});

it('refuses as the function for access says it, by an answer or an exception', async () => {
  dash = await startTestApp({
    dashboard: {
      access: ({ headers }: { headers: Record<string, string> }) => {
        if (headers['x-person'] === 'none') throw new UnauthorizedException('log in');
        if (headers['x-person'] === 'odd') throw new Error('broken');
        return 'nonsense' as 'view';
      },
    },
  });
  const answer = async (person: string) => {
    const { status, body } = await dash.get('/monitoring/api/session', { 'x-person': person });
    return [status, body.error.message];
  };

  expect(await answer('none')).toEqual([401, 'log in']);
  expect(await answer('odd')).toEqual([500, 'the dashboard failed: the log of the app says why']);
  expect(await answer('ada')).toEqual([403, 'the app gives you no access']);
});

it('asks the function for access after the guards, with the same request', async () => {
  dash = await startTestApp({
    dashboard: { guards: [KeyGuard], access: (request: { user: { right: 'view' } }) => request.user.right },
  });

  expect((await dash.get('/monitoring/api/session', { authorization: 'key' })).body).toMatchObject({ right: 'view' });
});
