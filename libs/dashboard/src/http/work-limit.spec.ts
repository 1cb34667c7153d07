import { afterEach, describe, expect, it, vi } from 'vitest';
import { startTestApp, type TestDashboard, useTestAssets } from '../test-dashboard.fixture.js';
import { WorkLimit } from './work-limit.js';

describe('a limit of work', () => {
  it('lets a few run, some wait, and refuses more', async () => {
    const limit = new WorkLimit(2, 1);
    const ends: (() => void)[] = [];
    const work = () => limit.run(() => new Promise<void>((resolve) => ends.push(resolve)));

    const running = [work(), work(), work()];
    const refused = await work().catch((error: unknown) => error);
    const begun = ends.length;
    ends[0]!();
    await running[0];
    await expect.poll(() => ends).toHaveLength(3);
    for (const end of ends) end();
    await Promise.all(running);

    expect(begun).toBe(2);
    expect(refused).toMatchObject({ status: 429, code: 'BUSY' });
  });

  it('goes on after work that failed', async () => {
    const limit = new WorkLimit(1, 0);

    await expect(limit.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await limit.run(async () => 'done')).toBe('done');
  });
});

describe('searches of many at once', () => {
  let dash: TestDashboard;
  afterEach(() => dash.app.close());

  it('run four at a time, and are refused when too many wait', async () => {
    useTestAssets();
    dash = await startTestApp();
    await dash.tasks.enqueue('t', 1, { queue: 'q' });
    await dash.get('/monitoring/api/overview');
    let running = 0;
    let most = 0;
    const find = dash.inspector.findTasks.bind(dash.inspector);
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    vi.spyOn(dash.inspector, 'findTasks').mockImplementation(async (search) => {
      running += 1;
      most = Math.max(most, running);
      await opened;
      running -= 1;
      return find(search);
    });

    let refused = 0;
    const searches = Array.from({ length: 60 }, async () => {
      const { status } = await dash.get('/monitoring/api/search?text=x');
      refused += Number(status === 429);
      return status;
    });
    await expect.poll(() => refused).toBe(6);
    open();
    const statuses = await Promise.all(searches);

    expect(most).toBe(4);
    expect(statuses.filter((status) => status === 200)).toHaveLength(54);
  });

  it('end when their browser is gone', async () => {
    useTestAssets();
    dash = await startTestApp();
    for (let i = 0; i < 3; i++) await dash.tasks.enqueue('t', 1, { queue: `q-${i}` });
    const abort = new AbortController();
    const find = dash.inspector.findTasks.bind(dash.inspector);
    const searched: string[] = [];
    vi.spyOn(dash.inspector, 'findTasks').mockImplementation(async (search) => {
      searched.push(search.queue);
      abort.abort();
      await expect.poll(() => closed).toBe(true);
      return find(search);
    });
    let closed = false;
    dash.app
      .getHttpServer()
      .on('request', (_request: unknown, response: { on: (name: string, f: () => void) => void }) => {
        response.on('close', () => (closed = true));
      });
    await fetch(`${dash.origin}/monitoring/api/search?text=x`, { signal: abort.signal }).catch(() => undefined);
    await expect.poll(() => closed).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 50));

    expect(searched).toEqual(['q-0']);
  });
});
