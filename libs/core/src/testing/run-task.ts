import type { Broker } from '../broker/contract/broker.js';
import type { NewTask } from '../broker/contract/enqueue.js';
import { openMemoryBroker } from '../broker/memory/memory-broker.js';
import { Client, type ClientOptions } from '../client/client.js';
import { HandlerNotFoundError } from '../errors/handler-not-found.error.js';
import { systemClock } from '../runtime/clock.js';
import { silentLogger } from '../runtime/logger.js';
import { ServeMux } from '../server/run/running/serve-mux.js';
import { Server } from '../server/server.js';
import type { ServerOptions } from '../server/server-options.js';
import { checkDecoded, jsonCodec, type PayloadCodec } from '../task/payload-codec.js';
import type { Handler } from '../task/task-context.js';
import type { TaskEvent } from '../task/task-event.js';
import type { TaskOptions } from '../task/task-options.js';

/** How a single attempt ended. */
export interface TaskRun<Result = unknown> {
  /** `retried` and `archived` after an error, `revoked` after `RevokeTask`. */
  readonly outcome: 'succeeded' | 'retried' | 'archived' | 'revoked';
  /** What the handler returned or stored, after the codec; `undefined` unless it succeeded. */
  readonly result: Result | undefined;
  /** What the handler threw, or why the payload was refused; `undefined` if it succeeded. */
  readonly error: unknown;
  /** When the next attempt would start. */
  readonly nextProcessAt: Date | undefined;
  /** All events of the task, in their order. */
  readonly events: readonly TaskEvent[];
}

/** Options of the task, and where in its life the attempt is. */
export interface RunTaskOptions extends TaskOptions {
  /** How often it has failed before. Default 0. */
  readonly retried?: number | undefined;
}

/** What the attempt runs in. */
export interface RunTaskSetting {
  /** Options of the server, such as `retryDelay`, `isFailure`, `errorHandler` or `codec`. */
  readonly server?: Omit<ServerOptions, 'connection'> | undefined;
  /** `defaults` of tasks and the like. */
  readonly client?: Omit<ClientOptions, 'connection' | 'clock'> | undefined;
}

const END_KINDS = ['succeeded', 'retried', 'archived', 'revoked'] as const;
type End = Extract<TaskEvent, { kind: (typeof END_KINDS)[number] }>;

/**
 * Runs one attempt of a task through all that a server does with it, and nothing else: in queues of its own, whatever
 * queues the program has. It ends when the attempt does.
 *
 * @throws {HandlerNotFoundError} `handler` is a `ServeMux` without a handler for the type
 * @throws the errors of `Client.enqueue`: the type, the payload or an option is invalid
 */
export async function runTask<Result = unknown>(
  handler: ServeMux | Handler,
  type: string,
  payload?: unknown,
  { retried = 0, ...options }: RunTaskOptions = {},
  { server = {}, client = {} }: RunTaskSetting = {},
): Promise<TaskRun<Result>> {
  if (handler instanceof ServeMux && !handler.route(type)) throw new HandlerNotFoundError(type, handler.patterns());
  const broker = openMemoryBroker({ clock: server.clock ?? systemClock });
  const codec = server.codec ?? jsonCodec;
  const connection: Broker = {
    ...broker,
    enqueue: (tasks) => broker.enqueue(tasks.map((task) => toRunNow(task, retried))),
  };
  const enqueuing = new Client({ codec, logger: silentLogger, ...client, connection });
  const { id, queue: logical, partition } = await enqueuing.enqueue(type, payload, { retention: '1h', ...options });
  const queue = partition ?? logical;
  const { events, end, onEvent } = follow(id, server.onEvent);
  const own = { ...server, queues: { [queue]: 1 }, concurrency: 1, onEvent, connection: broker };
  const running = new Server({ logger: silentLogger, ...own });
  try {
    await running.start(handler);
    return { ...describe<Result>(await end, broker.store.queue(queue).tasks.get(id)?.result, codec), events };
  } finally {
    await running.shutdown();
    await enqueuing.close();
    await broker.close();
  }
}

/** Without delay, group and lock, which have no meaning for a single attempt. */
function toRunNow({ message }: NewTask, retried: number): NewTask {
  return { message: { ...message, retried, groupKey: '', uniqueKey: '' } };
}

function follow(id: string, listener: ServerOptions['onEvent']) {
  const events: TaskEvent[] = [];
  let finish: (end: End) => void;
  const end = new Promise<End>((resolve) => (finish = resolve));
  const onEvent = (event: TaskEvent): void => {
    listener?.(event);
    if (event.id !== id) return;
    events.push(event);
    if ((END_KINDS as readonly string[]).includes(event.kind)) finish(event as End);
  };
  return { events, end, onEvent };
}

function describe<Result>(
  end: End,
  bytes: Uint8Array | undefined,
  codec: PayloadCodec,
): Omit<TaskRun<Result>, 'events'> {
  const result = end.kind === 'succeeded' && bytes ? checkDecoded(codec.decode(bytes)) : undefined;
  return {
    outcome: end.kind,
    result: result as Result | undefined,
    error: 'error' in end ? end.error : undefined,
    nextProcessAt: 'nextProcessAt' in end ? end.nextProcessAt : undefined,
  };
}
