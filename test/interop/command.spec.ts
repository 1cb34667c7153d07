import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AsynqCommand, CommandInProcess } from '../support/asynq-command.js';
import { GoPeer, type GoTaskInfo, hasGoPeer } from '../support/go-peer.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

/** A task's payload or result as asynq's own command shows it. */
const shown = (bytes: Buffer): string => (bytes.length === 0 ? 'non-printable bytes' : bytes.toString());

/** A time as Go writes it with `time.UnixDate`, in UTC. */
function unixDate(atMs: number): string {
  const [weekday, day, month, year, time] = new Date(atMs).toUTCString().replace(',', '').split(' ');
  return `${weekday} ${month} ${day!.replace(/^0/, ' ')} ${time} UTC ${year}`;
}

const due = expect.stringMatching(/^in (\d+h)?(\d+m)?\d+s$|^right now$/) as string;

/** The row that asynq's own command would print for a task. */
const ROWS: Readonly<Record<string, (task: GoTaskInfo) => readonly string[]>> = {
  active: base,
  pending: base,
  scheduled: (task) => [...base(task), due],
  retry: (task) => [...base(task), due, task.lastError, failedAt(task), String(task.retried), String(task.maxRetry)],
  archived: (task) => [...base(task), failedAt(task), task.lastError],
  completed: (task) => [...base(task), unixDate(task.completedAtMs), shown(task.result)],
};

function base({ id, type, payload }: GoTaskInfo): string[] {
  return [id, type, shown(payload)];
}

function failedAt({ lastFailedAtMs }: GoTaskInfo): string {
  return unixDate(lastFailedAtMs);
}

describe.skipIf(!hasGoPeer)('the asynq command beside Go', () => {
  let redis: RedisServer;
  let go: GoPeer;
  let flags: string[];
  let asynq: CommandInProcess;

  beforeEach(async () => {
    vi.stubEnv('TZ', 'UTC');
    redis = await startRedis();
    go = new GoPeer(redis);
    flags = ['--uri', `127.0.0.1:${redis.port}`];
    asynq = new CommandInProcess(flags);
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await go.kill();
    await redis.stop();
  });

  it('prints the tasks of a queue as Go sees them, in every state', async () => {
    const retention = { queue: 'mail', retentionMs: 600_000 };
    await go.enqueue([
      { type: 'mix:echo', payload: Buffer.from('{"n":1}'), ...retention },
      { type: 'mix:fail-always', payload: Buffer.from('{"n":2}'), queue: 'mail', maxRetry: 3 },
      { type: 'mix:skip-retry', queue: 'mail' },
      { type: 'mix:block', queue: 'mail' },
    ]);
    await go.serve({ queues: { mail: 2 }, concurrency: 2, taskCheckIntervalMs: 20, retryDelayMs: 3_600_000 });
    const settled = { active: 1, retry: 1, archived: 1, completed: 1 };
    await expect.poll(() => go.queueInfo('mail'), { timeout: 10_000 }).toMatchObject(settled);
    await asynq.output('queue', 'pause', 'mail');
    await go.enqueue([
      { type: 'later', payload: Buffer.from('ö 日本'), queue: 'mail', processInMs: 5_400_000 },
      { type: 'waiting', payload: Buffer.from('{"n":3}'), queue: 'mail' },
    ]);

    for (const [state, row] of Object.entries(ROWS)) {
      const theirs = await go.tasks('mail', state);
      const ours = await asynq.rows('task', 'ls', '-q', 'mail', '-s', state);

      expect(ours.slice(2), state).toEqual(theirs.map((task) => row(task)));
      expect(theirs, state).toHaveLength(1);
    }
  });

  it("prints queues and servers as Go's", async () => {
    await go.enqueue([
      { type: 'mix:block', queue: 'mail' },
      { type: 'later', queue: 'low', processInMs: 60_000 },
    ]);
    await go.serve({ queues: { low: 1, mail: 6 }, concurrency: 3, taskCheckIntervalMs: 20 });
    const isActive = async (): Promise<number> => (await go.queueInfo('mail')).active;
    await expect.poll(isActive, { timeout: 10_000 }).toBe(1);
    await expect.poll(() => go.servers()).toHaveLength(1);

    const [server] = await go.servers();
    const stats = await asynq.json('stats');

    expect((await asynq.output('queue', 'ls')).trim().split('\n')).toEqual((await go.queues()).toSorted());
    expect((await asynq.rows('server', 'ls'))[2]).toEqual([
      server!.host,
      String(server!.pid),
      server!.status,
      expect.stringMatching(/^[01]\/3$/),
      'mail:6 low:1',
      expect.stringMatching(/^\d+s ago$/),
    ]);
    for (const name of ['low', 'mail']) {
      const {
        pending,
        active,
        scheduled,
        retry,
        archived,
        completed,
        size,
        latencyMs: _,
        ...rest
      } = await go.queueInfo(name);
      expect(stats).toMatchObject({
        queues: expect.arrayContaining([
          expect.objectContaining({
            Queue: name,
            Size: size,
            Pending: pending,
            Active: active,
            Scheduled: scheduled,
            Retry: retry,
            Archived: archived,
            Completed: completed,
            Paused: rest.isPaused,
            ProcessedTotal: rest.processedTotal,
            FailedTotal: rest.failedTotal,
          }),
        ]) as unknown,
      });
    }
  });

  it('controls what Go enqueued', async () => {
    await go.enqueue(['a', 'b', 'c'].map((taskId) => ({ type: 'later', queue: 'mail', taskId, processInMs: 60_000 })));

    await asynq.output('task', 'run', '-q', 'mail', '-i', 'a');
    await asynq.output('task', 'archive', '-q', 'mail', '-i', 'b');
    await asynq.output('task', 'rm', '-q', 'mail', '-i', 'c');
    const sent = ['-t', 'mix:echo', '-l', '{"n":4}', '-q', 'mail', '-i', 'd', '--retention', '10m', '--retry', '3'];
    await asynq.output('task', 'enqueue', ...sent, '--timeout', '1m30s');

    expect(await go.queueInfo('mail')).toMatchObject({ pending: 2, scheduled: 0, archived: 1, size: 3 });
    const archived = await new AsynqCommand(flags).rows('task', 'ls', '-qmail', '-sarchived'); // the program splits them
    expect(archived.at(-1)!.slice(0, 2)).toEqual(['b', 'later']);
    expect(await go.taskInfo('mail', 'd')).toMatchObject({
      type: 'mix:echo',
      payload: Buffer.from('{"n":4}'),
      maxRetry: 3,
      timeoutMs: 90_000,
      retentionMs: 600_000,
    });
  });
});
