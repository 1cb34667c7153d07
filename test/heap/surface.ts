import {
  Client,
  type Clock,
  Inspector,
  RevokeTask,
  Scheduler,
  Server,
  ServeMux,
  silentLogger,
  SkipRetry,
  type TaskEvent,
  type TaskOptions,
} from '@nestjs-asynq/core';
import type { Broker } from '@nestjs-asynq/core/internal';

/** The queue that the server works on. */
export const WORK = 'work';
/** A queue without a server. */
export const IDLE = 'idle';

/** Every public object over one broker, as one process may have them. */
export interface Surface extends AsyncDisposable {
  readonly broker: Broker;
  readonly client: Client;
  readonly inspector: Inspector;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  /** Enqueues a task for the server; resolves with its event of this kind. */
  until(kind: TaskEvent['kind'], type: string, options?: TaskOptions): Promise<{ readonly id: string }>;
  /** Resolves when the server has aggregated this group. */
  untilAggregated(group: string): Promise<void>;
}

const large = 'x'.repeat(2_000);

function handlers(): ServeMux {
  return new ServeMux()
    .handle('ok', () => undefined)
    .handle('ok:result', () => ({ large }))
    .handle('fails', () => {
      throw new SkipRetry('no');
    })
    .handle('revoked', () => {
      throw new RevokeTask('no');
    })
    .handle('retried', (_payload, { retried }) => {
      if (retried === 0) throw new Error('not yet');
    })
    .handle('progresses', (_payload, context) => {
      context.progress(0.5, 'half');
      context.progress(1, 'whole');
    })
    .handle('writes', (_payload, context) => context.writeResult({ large }))
    .handle('waits', (_payload, { signal }) => aborted(signal))
    .handle('summed', () => undefined);
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

/** @param clock of the broker */
export async function openSurface(broker: Broker, clock: Clock): Promise<Surface> {
  const waiting = new Map<string, () => void>();
  const onEvent = (event: TaskEvent): void => {
    const keys = [`${event.kind} ${event.id}`, ...(event.type === 'summed' ? [`${event.kind} of ${event.id}`] : [])];
    for (const key of keys) {
      waiting.get(key)?.();
      waiting.delete(key);
    }
  };
  const untilEvent = (key: string): Promise<void> => new Promise((resolve) => waiting.set(key, resolve));

  const shared = { connection: broker, logger: silentLogger, clock };
  const client = new Client({ ...shared, onEvent: () => undefined });
  const inspector = new Inspector(shared);
  const scheduler = new Scheduler(shared);
  const server = new Server({
    ...shared,
    queues: { [WORK]: 1 },
    concurrency: 200,
    retryDelay: () => 1,
    unknownTypeDelay: '1s',
    onEvent,
    groupAggregator: {
      maxSize: 3,
      aggregate: (group, tasks, { signal }) => {
        signal.addEventListener('abort', () => undefined);
        return { type: 'summed', payload: tasks.map(({ payload }) => payload), options: { taskId: group } };
      },
    },
  });
  await server.start(handlers());
  await scheduler.start();
  let lastId = 0;
  return {
    broker,
    client,
    inspector,
    scheduler,
    clock,
    async until(kind, type, options) {
      const taskId = `task-${lastId++}`;
      const ended = untilEvent(`${kind} ${taskId}`);
      await client.enqueue(type, { large, taskId }, { queue: WORK, ...options, taskId });
      await ended;
      return { id: taskId };
    },
    untilAggregated: (group) => untilEvent(`succeeded of ${group}`),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await scheduler.shutdown();
      await inspector.close();
      await client.close();
      await broker.close();
    },
  };
}

type Operation = (surface: Surface, index: number) => Promise<unknown>;

export const forever: AbortSignal = new AbortController().signal;

const refused = async (call: Promise<unknown>): Promise<void> => {
  let isRefused = false;
  await call.catch(() => (isRefused = true));
  if (!isRefused) throw new Error('this was to be refused');
};

/** A separate task for one call, deleted afterwards. */
async function withTask(
  { client, inspector }: Surface,
  options: TaskOptions,
  use: (taskId: string) => Promise<unknown>,
): Promise<void> {
  const { id } = await client.enqueue('idle', { large }, { queue: IDLE, ...options });
  await use(id);
  await inspector.deleteTask(IDLE, id).catch(() => undefined);
}

const onTask =
  (use: (surface: Surface, taskId: string) => Promise<unknown>, options: TaskOptions = {}): Operation =>
  (surface) =>
    withTask(surface, options, (taskId) => use(surface, taskId));

const onQueue =
  (use: (surface: Surface, queue: string) => Promise<unknown>): Operation =>
  async (surface, index) => {
    const queue = `queue-${index}`;
    await surface.client.enqueueMany(['a', 'b', 'c'].map((type) => ({ type, payload: { large }, options: { queue } })));
    await use(surface, queue);
    await surface.inspector.deleteQueue(queue, { force: true }).catch(() => undefined); // purged
  };

const later: TaskOptions = { processIn: '1h' };

/** The calls of the public surface; none leaves a task behind. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'a task that succeeds': ({ until }) => until('succeeded', 'ok'),
  'a task with every option': ({ until }) =>
    until('succeeded', 'ok', {
      ...{ maxRetry: 3, timeout: '1m', deadline: new Date(Date.now() + 9e9), unique: '1m', processIn: 1 },
      headers: { trace: 'x' },
    }),
  'a task that is archived': async ({ until, inspector }) =>
    inspector.deleteTask(WORK, (await until('archived', 'fails')).id),
  'a task that is retried': ({ until }) => until('succeeded', 'retried'),
  'a task that is revoked': ({ until }) => until('revoked', 'revoked'),
  'a task with progress': ({ until }) => until('succeeded', 'progresses'),
  'a task that writes a result': async ({ until, inspector }) =>
    inspector.deleteTask(WORK, (await until('succeeded', 'writes', { retention: '1h' })).id),
  'a task that times out': async ({ until, inspector }) =>
    inspector.deleteTask(WORK, (await until('archived', 'waits', { timeout: '1s', maxRetry: 0 })).id),
  'a task that is canceled': async ({ until, inspector }) => {
    const { id } = await until('started', 'waits');
    await inspector.cancel(WORK, id, { outcome: 'delete' });
    await inspector
      .task(WORK, id)
      .wait()
      .catch(() => undefined);
  },
  'a task of an unknown type': async ({ until, inspector }) =>
    inspector.deleteTask(WORK, (await until('retried', 'unknown')).id),
  'an aggregated group': async ({ client, untilAggregated }, index) => {
    const group = `group-${index}`;
    const done = untilAggregated(group);
    const options = { queue: WORK, group };
    await client.enqueueMany([1, 2, 3].map(() => ({ type: 'part', payload: { large }, options })));
    await done;
  },

  enqueueMany: async ({ client, inspector }) => {
    const options = { queue: IDLE };
    const results = await client.enqueueMany([1, 2, 3].map((payload) => ({ type: 'many', payload, options })));
    await Promise.all(results.map(({ task }) => inspector.deleteTask(IDLE, task!.id)));
  },
  'an enqueue that is refused': ({ client }) => refused(client.enqueue('', undefined, { queue: '{' })),
  'an enqueue that meets its own id': onTask(({ client }, taskId) =>
    refused(client.enqueue('again', undefined, { queue: IDLE, taskId })),
  ),
  'an enqueue that meets a lock': async (surface, index) => {
    const unique = { ttl: '1m' as const, key: `lock-${index}` };
    const again = (): Promise<unknown> => surface.client.enqueue('idle', undefined, { queue: IDLE, unique });
    await withTask(surface, { unique }, () => refused(again()));
  },
  'result() of a task that succeeds': async ({ client, inspector }) => {
    const task = await client.enqueue('ok:result', undefined, { queue: WORK, retention: '1h' });
    await task.result({ signal: forever, timeout: '1m' });
    await inspector.deleteTask(WORK, task.id);
  },
  'result() of a task that fails': async ({ client, inspector }) => {
    const task = await client.enqueue('fails', undefined, { queue: WORK });
    await refused(task.result());
    await inspector.deleteTask(WORK, task.id);
  },
  'wait() for a task that is deleted': async ({ client }) =>
    (await client.enqueue('ok', undefined, { queue: WORK, processIn: 300 })).wait(),
  'wait() that times out': onTask(({ inspector }, taskId) =>
    refused(inspector.task(IDLE, taskId).wait({ timeout: 1, signal: forever })),
  ),
  'wait() that is aborted': onTask(({ inspector }, taskId) => {
    const aborting = new AbortController();
    const waiting = refused(inspector.task(IDLE, taskId).wait({ signal: aborting.signal }));
    setImmediate(() => aborting.abort());
    return waiting;
  }),
  'wait() for no task': ({ inspector }, index) => refused(inspector.task(IDLE, `no-${index}`).wait()),
  'state()': onTask(({ inspector }, taskId) => inspector.task(IDLE, taskId).state()),

  'reads of queues': async ({ inspector }) => {
    await inspector.queues();
    await inspector.queueInfo(WORK);
    await inspector.dailyStats(WORK, 7);
    await inspector.groups(WORK);
    await inspector.clusterSlot(WORK);
    await inspector.clusterNodes(WORK);
    await inspector.redisInfo();
    await inspector.redisNodes();
  },
  'reads of a queue that does not exist': async ({ inspector }, index) => {
    await refused(inspector.queueInfo(`no-${index}`));
    await refused(inspector.listTasks(`no-${index}`, 'pending'));
    await refused(inspector.taskInfo(`no-${index}`, 'a'));
    await inspector.task(`no-${index}`, 'a').state();
  },
  'reads of servers and schedulers': async ({ inspector }, index) => {
    await inspector.servers();
    await inspector.schedulerEntries();
    await inspector.schedulerEvents(`no-${index}`);
    await inspector.schedules();
  },
  'ping()': ({ client }) => client.ping(),
  'taskInfo()': onTask(({ inspector }, taskId) => inspector.taskInfo(IDLE, taskId)),
  'listTasks()': onTask(({ inspector }) => inspector.listTasks(IDLE, 'pending', { size: 10 })),
  'findTasks()': onTask(({ inspector }) =>
    inspector.findTasks({ queue: IDLE, state: 'pending', payloadContains: 'x', limit: 1 }),
  ),
  'runTask()': onTask(({ inspector }, taskId) => inspector.runTask(IDLE, taskId), later),
  'archiveTask()': onTask(({ inspector }, taskId) => inspector.archiveTask(IDLE, taskId)),
  'runNext()': onTask(({ inspector }, taskId) => inspector.runNext(IDLE, taskId), later),
  'reschedule()': onTask(
    ({ inspector }, taskId) => inspector.reschedule(IDLE, taskId, new Date(Date.now() + 9e9)),
    later,
  ),
  'updateTaskPayload()': onTask(
    ({ inspector }, taskId) => inspector.updateTaskPayload(IDLE, taskId, { other: large }),
    later,
  ),
  'cancelTask()': ({ inspector }, index) => inspector.cancelTask(`no-${index}`),
  'cancel() of a task that does not run': onTask(({ inspector }, taskId) =>
    inspector.cancel(IDLE, taskId, { outcome: 'archive' }),
  ),
  'moveToQueue()': onTask(async ({ inspector }, taskId) => {
    await inspector.moveToQueue(IDLE, taskId, 'idle-too');
    await inspector.deleteTask('idle-too', taskId);
  }),
  'pauseQueue() and unpauseQueue()': onQueue(async ({ inspector }, queue) => {
    await inspector.pauseQueue(queue);
    await inspector.unpauseQueue(queue);
  }),
  'work on all tasks of a state': onQueue(async ({ inspector }, queue) => {
    await inspector.archiveAll(queue, 'pending');
    await inspector.runAll(queue, 'archived');
    await inspector.deleteAll(queue, 'pending');
  }),
  'work on matching tasks': onQueue(async ({ inspector }, queue) => {
    await inspector.archiveMatching({ queue, state: 'pending', type: 'a' });
    await inspector.runMatching({ queue, state: 'archived' });
    await inspector.deleteMatching({ queue, state: 'pending', payloadContains: 'x' }, { dryRun: true });
    await inspector.deleteMatching({ queue, state: 'pending' });
  }),
  'purgeQueue()': onQueue(({ inspector }, queue) => inspector.purgeQueue(queue, { force: true })),
  'wait() in a queue of its own': onQueue(({ inspector }, queue) => refused(inspector.task(queue, 'none').wait())),

  'register() and unregister()': async ({ scheduler }, index) => {
    const { name } = scheduler.register('@hourly', 'later', { large }, { name: `n-${index}`, queue: IDLE });
    await scheduler.unregister(name);
  },
  'pause(), runNow() and resume() of a schedule': async ({ scheduler, inspector }, index) => {
    const { name } = scheduler.register('@hourly', 'later', { large }, { name: `m-${index}`, queue: IDLE });
    await scheduler.pause(name);
    await inspector.resumeSchedule(IDLE, name);
    const task = await scheduler.runNow(name);
    const other = await inspector.runSchedule(IDLE, name);
    await inspector.deleteTask(IDLE, task.id);
    await inspector.deleteTask(IDLE, other.id);
    await inspector.schedules(IDLE);
    await scheduler.unregister(name);
  },
  'a client that is opened and closed': async ({ broker, clock }) => {
    await using client = new Client({ connection: broker, logger: silentLogger, clock });
    await client.ping();
  },
};

/** A server that is started and shut down: too slow to repeat as often as the others. */
export async function startAndStop({ broker, clock }: Surface): Promise<void> {
  const server = new Server({ connection: broker, logger: silentLogger, clock, queues: { other: 1 } });
  await server.start(() => undefined);
  const scheduler = new Scheduler({ connection: broker, logger: silentLogger, clock });
  scheduler.register('@hourly', 'later', undefined, { name: 'of a stranger', queue: 'other' });
  await scheduler.start();
  await scheduler.shutdown();
  await server.shutdown();
}
