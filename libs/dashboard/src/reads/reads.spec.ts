import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADAPTERS, startTestApp, type TestDashboard, useTestAssets } from '../test-dashboard.fixture.js';

describe.each(ADAPTERS)('the API under %s', (adapter) => {
  let dash: TestDashboard;

  beforeAll(async () => {
    useTestAssets();
    dash = await startTestApp({ adapter });
    const { tasks, inspector } = dash;
    await tasks.enqueue('email:welcome', { to: 'ada' }, { queue: 'mail', taskId: 'one', headers: { tenant: '7' } });
    await tasks.enqueue('email:bye', { to: 'bob' }, { queue: 'mail', taskId: 'two', processIn: '1h' });
    await tasks.enqueue('report', Buffer.from([0xff, 0]), { queue: 'low/../%2F', taskId: 'a/b?#%', unique: '1h' });
    await tasks.enqueue('digest', 1, { queue: 'mail', taskId: 'g1', group: 'of ada' });
    await inspector.pauseQueue('low/../%2F');
  });

  afterAll(() => dash.app.close());

  it('tells who asks, and what this person may do', async () => {
    const { status, body } = await dash.get('/monitoring/api/session');

    expect(status).toBe(200);
    expect(body).toEqual({ right: 'admin', readOnly: false, nowMs: expect.any(Number) });
  });

  it('shows an overview, worst queues first, with their troubles', async () => {
    const { status, body } = await dash.get('/monitoring/api/overview');

    expect(status).toBe(200);
    expect(body.totals).toMatchObject({
      queues: 2,
      paused: 1,
      size: 4,
      counts: { pending: 2, scheduled: 1, aggregating: 1 },
    });
    expect(body.warnings).toEqual([{ code: 'noServers' }]);
    expect(body.queues.map(({ queue }: { queue: string }) => queue)).toEqual(['low/../%2F', 'mail']);
    expect(body.queues[0].troubles.map(({ code }: { code: string }) => code)).toEqual(['unserved', 'paused']);
    expect(body.queues[0]).toMatchObject({
      isPaused: true,
      pausedAtMs: expect.any(Number),
      right: 'admin',
      servers: 0,
    });
  });

  it('sorts, filters and pages the queues', async () => {
    const named = async (query: string) =>
      (await dash.get(`/monitoring/api/queues?${query}`)).body.queues.map(({ queue }: { queue: string }) => queue);

    expect(await named('sort=queue&order=desc')).toEqual(['mail', 'low/../%2F']);
    expect(await named('sort=size')).toEqual(['mail', 'low/../%2F']);
    expect(await named('sort=queue&size=1&page=2')).toEqual(['mail']);
    expect(await named('name=MAI')).toEqual(['mail']);
    expect(await named('troubled=1&name=nothing')).toEqual([]);
  });

  it('shows a queue of any name, with its last days', async () => {
    const { body } = await dash.get(`/monitoring/api/queue?queue=${encodeURIComponent('low/../%2F')}`);

    expect(body.queue).toMatchObject({ queue: 'low/../%2F', size: 1, isPaused: true });
    expect(body.history).toHaveLength(10);
    expect(body.history[0]).toEqual({ day: new Date().toISOString().slice(0, 10), processed: 0, failed: 0 });
  });

  it('shows up to 90 days, of one queue or of all', async () => {
    const one = await dash.get('/monitoring/api/queue/history?queue=mail&days=90');
    const all = await dash.get('/monitoring/api/queue/history?days=7');

    expect(one.body.days).toHaveLength(90);
    expect(all.body).toMatchObject({ leftOut: 0, days: { length: 7 } });
  });

  it('estimates memory where the store tells it', async () => {
    expect((await dash.get('/monitoring/api/queue/memory?queue=mail')).body).toEqual({});
  });

  it('lists the tasks of a state, and of a group', async () => {
    const pending = await dash.get('/monitoring/api/tasks?queue=mail&state=pending');
    const group = await dash.get('/monitoring/api/tasks?queue=mail&state=aggregating&group=of%20ada');

    expect(pending.body).toMatchObject({ total: 1, page: 1, size: 30 });
    expect(pending.body.tasks[0]).toMatchObject({
      id: 'one',
      type: 'email:welcome',
      payload: { encoding: 'text', data: '{"to":"ada"}', bytes: 12, isCut: false, isRedacted: false },
    });
    expect(group.body).toMatchObject({ total: 1, tasks: [{ id: 'g1', group: 'of ada' }] });
  });

  it('shows a task of any id, with bytes that are no text', async () => {
    const query = new URLSearchParams({ queue: 'low/../%2F', id: 'a/b?#%' });
    const { body } = await dash.get(`/monitoring/api/task?${query.toString()}`);

    expect(body.task).toMatchObject({ id: 'a/b?#%', payload: { encoding: 'base64', data: '/wA=', bytes: 2 } });
    expect(body.lock.expiresInMs).toBeGreaterThan(3_500_000);
    expect(body.actions).toEqual(['runNext', 'archive', 'delete', 'reschedule', 'move', 'again']);
  });

  it('shows a task with its trace, and links to pages of the app that no script can hide in', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await using linked = await startTestApp({
      adapter,
      dashboard: {
        links: ({ queue, id, traceId, payload, headers }) => [
          { label: 'Trace', url: `https://traces.example/${traceId}` },
          { label: 'Order', url: `/orders/${queue}/${id}?tenant=${headers['tenant']}` },
          { label: 'Evil', url: String(JSON.parse(payload).url) },
          { label: 'Data', url: 'data:text/html,<script>alert(1)</script>' },
        ],
      },
    });
    const payload = { url: 'java\nscript:alert(1)' };
    await linked.tasks.enqueue('t', payload, { queue: 'q', taskId: '1', headers: { traceparent, tenant: '7' } });

    const { body } = await linked.get('/monitoring/api/task?queue=q&id=1');

    expect(body.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    expect(body.links).toEqual([
      { label: 'Trace', url: 'https://traces.example/4bf92f3577b34da6a3ce929d0e0e4736' },
      { label: 'Order', url: '/orders/q/1?tenant=7' },
    ]);
  });

  it('shows a partitioned queue as one, with its parts', async () => {
    await using parted = await startTestApp({ adapter, asynq: { partitions: { mail: 3 } } });
    for (let i = 0; i < 9; i++) await parted.tasks.enqueue('t', i, { queue: 'mail', taskId: `${i}` });

    const overview = await parted.get('/monitoring/api/overview');
    const { body } = await parted.get('/monitoring/api/queue?queue=mail');
    const tasks = await parted.get('/monitoring/api/tasks?queue=mail&state=pending');

    expect(overview.body).toMatchObject({ totals: { queues: 1, size: 9 }, queues: [{ queue: 'mail', size: 9 }] });
    expect(overview.body.queues[0].partitions).toHaveLength(3);
    expect(body.partitions.map(({ queue }: { queue: string }) => queue)).toEqual(
      await parted.inspector.partitions('mail'),
    );
    const sizes: number[] = body.partitions.map(({ size }: { size: number }) => size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(9);
    expect(tasks.body).toMatchObject({ total: 9 });
    expect(tasks.body.tasks[0]).toMatchObject({ queue: 'mail', partition: expect.stringMatching(/^mail:p\d+-/) });
  });

  it('lists groups, servers, schedules, types and Redis', async () => {
    const [groups, servers, schedules, types, redis] = await Promise.all(
      ['groups?queue=mail', 'servers', 'schedules', 'types', 'redis'].map((path) =>
        dash.get(`/monitoring/api/${path}`),
      ),
    );

    expect(groups!.body).toMatchObject({ groups: [{ group: 'of ada', size: 1 }], total: 1 });
    expect(servers!.body).toMatchObject({ servers: [] });
    expect(schedules!.body).toMatchObject({ schedules: [] });
    expect(types!.body).toEqual({ types: [] });
    expect(redis!.body).toMatchObject({ kind: 'memory', nodes: [] });
  });

  it('draws charts of what it has kept', async () => {
    const { body } = await dash.get('/monitoring/api/charts?queue=mail&range=15m');

    expect(body).toMatchObject({ range: '15m', stepMs: 10_000, isKept: true, types: [] });
    expect(body.atMs).toHaveLength(90);
    expect(body.series.pending.at(-1)).toBe(1);
  });

  it('searches all queues and states at once, in pieces', async () => {
    const found: string[] = [];
    let cursor = '';
    let pieces = 0;
    do {
      const { body } = await dash.get(`/monitoring/api/search?limit=1&cursor=${cursor}`);
      found.push(...body.tasks.map(({ id }: { id: string }) => id));
      cursor = body.cursor ?? '';
      pieces += 1;
    } while (cursor !== '' && pieces < 20);

    expect(found.toSorted()).toEqual(['a/b?#%', 'g1', 'one', 'two']);
    expect(pieces).toBeGreaterThanOrEqual(4);
  });

  it('searches queues that have just come into being', async () => {
    await dash.get('/monitoring/api/search?id=newborn');
    await dash.tasks.enqueue('t', 1, { queue: `${adapter}-new`, taskId: 'newborn' });
    const { body } = await dash.get('/monitoring/api/search?id=newborn');
    await dash.inspector.purgeQueue(`${adapter}-new`);

    expect(body.tasks).toMatchObject([{ id: 'newborn' }]);
  });

  it('searches lists that have just been empty', async () => {
    const queue = `${adapter}-lists`;
    await dash.tasks.enqueue('t', 1, { queue });
    await dash.get('/monitoring/api/search?id=late');
    await dash.tasks.enqueue('t', 1, { queue, taskId: 'late', processIn: '1h' });
    const { body } = await dash.get('/monitoring/api/search?id=late');
    await dash.inspector.deleteQueue(queue, { force: true });

    expect(body.tasks).toMatchObject([{ id: 'late', state: 'scheduled' }]);
  });

  it('searches by each condition', async () => {
    const found = async (query: Record<string, string>) =>
      (await dash.get(`/monitoring/api/search?${new URLSearchParams(query).toString()}`)).body.tasks
        .map(({ id }: { id: string }) => id)
        .toSorted();

    expect(await found({ type: 'email:*' })).toEqual(['one', 'two']);
    expect(await found({ id: 'a/' })).toEqual(['a/b?#%']);
    expect(await found({ payload: 'ada' })).toEqual(['one']);
    expect(await found({ header: 'tenant=7' })).toEqual(['one']);
    expect(await found({ state: 'scheduled' })).toEqual(['two']);
    expect(await found({ queue: 'mail', text: 'bob' })).toEqual(['two']);
    expect(await found({ group: 'of ada' })).toEqual(['g1']);
    expect(await found({ fromMs: String(Date.now() + 60_000) })).toEqual(['two']);
  });

  it('says what is missing', async () => {
    const answers = await Promise.all(
      ['queue?queue=none', 'task?queue=mail&id=none', 'task?queue=none&id=none', 'tasks?queue=none&state=pending'].map(
        (path) => dash.get(`/monitoring/api/${path}`),
      ),
    );

    expect(answers.map(({ status, body }) => [status, body.error.code])).toEqual([
      [404, 'QUEUE_NOT_FOUND'],
      [404, 'TASK_NOT_FOUND'],
      [404, 'QUEUE_NOT_FOUND'],
      [404, 'QUEUE_NOT_FOUND'],
    ]);
  });

  it.each([
    ['queues?size=201', 'size'],
    ['queues?size=1e3', 'size'],
    ['queues?page=0', 'page'],
    ['queues?page=1&page=2', 'page'],
    ['queues?sort=nothing', 'sort'],
    ['queue/history?queue=mail&days=91', 'days'],
    ['search?scanBudget=20001', 'scanBudget'],
    ['search?limit=99999999999999999999', 'limit'],
    ['search?cursor=nonsense', 'cursor'],
    ['search?state=none', 'state'],
    ['search?header=none', 'header'],
    [`search?text=${'x'.repeat(2_001)}`, 'text'],
    [`search?queue=${Array.from({ length: 201 }, (_, i) => i).join('&queue=')}`, 'queue'],
    ['charts?range=1y', 'range'],
    ['tasks?queue=mail', 'state'],
    ['tasks?queue=mail&state=aggregating', 'group'],
    ['live/once?taskId=x', 'taskId'],
    ['session?connection=other', 'connection'],
  ])('refuses %s', async (path, field) => {
    const { status, body } = await dash.get(`/monitoring/api/${path}`);

    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: 'INVALID', problems: [{ field }] });
  });
});
