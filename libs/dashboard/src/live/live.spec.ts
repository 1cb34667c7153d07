import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LiveMessage } from '../api/live.js';
import { ADAPTERS, startTestApp, type TestDashboard, useTestAssets } from '../test-dashboard.fixture.js';

let dash: TestDashboard;

beforeEach(() => useTestAssets());

/** Reads the events of a stream until it ends or is canceled. */
class EventReader {
  private text = '';
  private constructor(
    readonly response: Response,
    private readonly reader: ReadableStreamDefaultReader<Uint8Array>,
    readonly abort: AbortController,
  ) {}

  static async open(url: string): Promise<EventReader> {
    const abort = new AbortController();
    const response = await fetch(url, { signal: abort.signal });
    return new EventReader(response, response.body!.getReader(), abort);
  }

  /** The next event; `undefined`: the stream has ended. */
  async next(): Promise<{ readonly event: string; readonly data: LiveMessage } | undefined> {
    for (;;) {
      const end = this.text.indexOf('\n\n');
      if (end >= 0) {
        const block = this.text.slice(0, end);
        this.text = this.text.slice(end + 2);
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        const event = field('event');
        if (event !== undefined) return { event, data: JSON.parse(field('data')!) as LiveMessage };
        continue;
      }
      const { value, done } = await this.reader.read();
      if (done) return undefined;
      this.text += Buffer.from(value).toString();
    }
  }
}

describe.each(ADAPTERS)('the stream under %s', (adapter) => {
  beforeEach(async () => {
    dash = await startTestApp({ adapter });
    await dash.tasks.enqueue('t', 1, { queue: 'mail', taskId: 'one' });
  });

  afterEach(() => dash.app.close());

  it('tells what is watched at once, and each change', async () => {
    const stream = await EventReader.open(`${dash.origin}/monitoring/api/live?queue=mail&taskQueue=mail&taskId=one`);
    const first = await stream.next();
    await dash.inspector.archiveTask('mail', 'one');
    let last = first;
    // The figures of a queue and a task are read one after the other, so one may be older.
    while (last && !(last.data.task?.state === 'archived' && last.data.queues[0]?.counts.archived === 1)) {
      last = await stream.next();
    }

    expect(stream.response.headers.get('content-type')).toBe('text/event-stream');
    expect(stream.response.headers.get('cache-control')).toContain('no-transform');
    expect(first).toMatchObject({ event: 'tick', data: { totals: { queues: 1 }, task: { state: 'pending' } } });
    expect(last!.data.task).toMatchObject({ queue: 'mail', id: 'one', state: 'archived' });
    expect(last!.data.queues).toMatchObject([{ queue: 'mail', counts: { archived: 1 } }]);
    stream.abort.abort();
  });

  it('does not hold up the shutdown of the app, and says goodbye', async () => {
    const streams = await Promise.all(
      Array.from({ length: 3 }, () => EventReader.open(`${dash.origin}/monitoring/api/live`)),
    );
    for (const stream of streams) await stream.next();

    await dash.app.close();

    expect(await streams[0]!.next()).toMatchObject({ event: 'bye' });
    expect(await streams[0]!.next()).toBeUndefined();
  });

  it('is answered once for those who poll', async () => {
    const { body } = await dash.get('/monitoring/api/live/once?queue=mail&queue=none');

    expect(body).toMatchObject({
      totals: { queues: 1 },
      queues: [{ queue: 'mail' }],
      warnings: [{ code: 'noServers' }],
    });
  });
});

it('ten browsers cost no more readings than one', async () => {
  dash = await startTestApp();
  for (const queue of ['a', 'b', 'c']) await dash.tasks.enqueue('t', 1, { queue, taskId: 'x' });
  const read = vi.spyOn(dash.inspector, 'queueInfo');
  const readTask = vi.spyOn(dash.inspector, 'taskInfo');

  const readingsOf = async (browsers: number): Promise<number[]> => {
    const address = `${dash.origin}/monitoring/api/live?queue=a&queue=b&queue=c&taskQueue=a&taskId=x`;
    const streams = await Promise.all(Array.from({ length: browsers }, () => EventReader.open(address)));
    for (const stream of streams) await stream.next();
    await dash.inspector.pauseQueue('a');
    const before = [read.mock.calls.length, readTask.mock.calls.length];
    await Promise.all(streams.map((stream) => stream.next()));
    await dash.inspector.unpauseQueue('a');
    await Promise.all(streams.map((stream) => stream.next()));
    for (const stream of streams) stream.abort.abort();
    return [read.mock.calls.length - before[0]!, readTask.mock.calls.length - before[1]!];
  };
  const one = await readingsOf(1);
  const ten = await readingsOf(10);

  expect(one[0]).toBeGreaterThan(0);
  expect(ten[0]! <= one[0]! + 3, `${ten[0]} readings instead of ${one[0]}`).toBe(true);
  expect(ten[1]! <= one[1]! + 1, `${ten[1]} readings of the task instead of ${one[1]}`).toBe(true);
  await dash.app.close();
});
