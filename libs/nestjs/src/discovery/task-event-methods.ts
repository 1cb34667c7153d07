import { setTimeout as delay } from 'node:timers/promises';
import { ContextIdFactory, type DiscoveryService } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import type { Logger, TaskEvent } from '@nestjs-asynq/core';
import { TASK_EVENT_KINDS } from '@nestjs-asynq/core/internal';
import { type TaskEventMethodMetadata, taskEventMethodsOf } from '../decorators/on-task-event.decorator.js';
import type { TaskEvents } from '../lifecycle/task-events.js';
import { checkConnection, connectionOf } from './connection-of.js';
import { HandlerSetupError } from './handler-setup.error.js';
import { distinctProviders, isSingleton, moduleRefOf, prototypeOf } from './providers.js';

/** How long a shutdown waits for methods that run. */
const LAST_CALLS_MS = 5_000;

/** One `@OnTaskEvent` and its location. */
interface DiscoveredMethod extends TaskEventMethodMetadata {
  readonly host: InstanceWrapper<object>;
  /** `Alerts.onArchived`, for messages. */
  readonly label: string;
}

/** Calls the `@OnTaskEvent` methods of one connection. */
export class TaskEventMethods {
  private readonly bound = new Set<InstanceWrapper<object>>();
  private readonly calls = new Set<Promise<void>>();

  constructor(
    private readonly connection: string,
    private readonly discovery: DiscoveryService,
    private readonly events: TaskEvents,
    private readonly logger: Logger,
  ) {}

  /**
   * Binds the methods of all providers and controllers that are not bound yet.
   * @throws {HandlerSetupError} an unknown connection or kind of event
   */
  load(connections: readonly string[]): void {
    const hosts = [
      ...distinctProviders(this.discovery),
      ...this.discovery.getControllers(),
    ] as InstanceWrapper<object>[];
    for (const host of hosts) {
      if (this.bound.has(host)) continue;
      this.bound.add(host);
      for (const method of methodsOf(host)) {
        checkKinds(method);
        checkConnection(method, 'OnTaskEvent', 'listens to tasks of', connections);
        if (connectionOf(method) === this.connection) this.bind(method);
      }
    }
  }

  /** Waits for the methods that run, for a while. */
  async settled(): Promise<void> {
    const patience = new AbortController();
    const ended = Promise.all(this.calls).then(() => patience.abort());
    await Promise.race([ended, delay(LAST_CALLS_MS, undefined, { signal: patience.signal }).catch(() => undefined)]);
  }

  private bind(method: DiscoveredMethod): void {
    const { kinds, options } = method;
    this.events.subscribe((event) => {
      if (!kinds.includes(event.kind)) return;
      if (options.type !== undefined && !event.type.startsWith(options.type)) return;
      if (options.queue !== undefined && event.queue !== options.queue) return;
      const call = this.call(method, event).finally(() => this.calls.delete(call));
      this.calls.add(call);
    });
  }

  /** Never rejects. */
  private async call({ host, method, label }: DiscoveredMethod, event: TaskEvent): Promise<void> {
    try {
      const instance = isSingleton(host) ? host.instance : await build(host, event);
      await (Reflect.get(instance, method) as (event: TaskEvent) => unknown).call(instance, event);
    } catch (error) {
      const fields = { queue: event.queue, taskId: event.id, type: event.type, error };
      this.logger.error(`${label} failed for the event "${event.kind}"`, fields);
    }
  }
}

function methodsOf(host: InstanceWrapper<object>): DiscoveredMethod[] {
  const owner: unknown = prototypeOf(host)?.constructor;
  if (typeof owner !== 'function') return [];
  return taskEventMethodsOf(owner).map((found) => ({ ...found, host, label: `${owner.name}.${String(found.method)}` }));
}

/** An instance for one event. */
async function build(host: InstanceWrapper<object>, event: TaskEvent): Promise<object> {
  const moduleRef = moduleRefOf(host);
  const contextId = ContextIdFactory.create();
  moduleRef.registerRequestByContextId(event, contextId);
  return moduleRef.resolve<object>(host.token as string, contextId);
}

function checkKinds({ kinds, label }: DiscoveredMethod): void {
  const wrong = kinds.find((kind) => !TASK_EVENT_KINDS.includes(kind));
  if (wrong === undefined && kinds.length > 0) return;
  const given = wrong === undefined ? 'no kind of event' : `"${wrong}", which is no kind of event`;
  throw new HandlerSetupError(`${label} listens to ${given}. Give @OnTaskEvent one of ${TASK_EVENT_KINDS.join(', ')}.`);
}
