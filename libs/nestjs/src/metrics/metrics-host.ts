import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import type { ModuleRef, ModulesContainer } from '@nestjs/core';
import { QueueMetrics, TaskMetrics } from '@nestjs-asynq/core/metrics';
import { guardLogger } from '@nestjs-asynq/core/internal';
import { register as sharedRegistry, type Registry } from 'prom-client';
import { namesOfConnections } from '../asynq.core-module.js';
import { getTaskEventsToken, getTaskInspectorToken, getTaskServerToken } from '../asynq.tokens.js';
import type { TaskInspector } from '../inspector/task-inspector.service.js';
import { NestLogAdapter } from '../lifecycle/nest-logger.js';
import type { TaskEvents } from '../lifecycle/task-events.js';
import type { TaskServer } from '../lifecycle/task-server.js';
import { checkModuleOptions, type MetricsModuleOptions, type MetricsMountSettings } from './metrics.options.js';
import { UnguardedMetricsError } from './unguarded-metrics.error.js';

/** The metrics in the life of an app. */
export class MetricsHost implements OnModuleInit, OnModuleDestroy {
  private readonly ends: (() => void)[] = [];

  constructor(
    private readonly given: MetricsModuleOptions,
    private readonly mount: MetricsMountSettings,
    private readonly moduleRef: ModuleRef,
    private readonly modules: ModulesContainer,
  ) {}

  /**
   * @throws {InvalidOptionsError} an option is wrong
   * @throws {UnguardedMetricsError} everybody could read the metrics
   * @throws {Error} the registry has a metric of the same name
   */
  onModuleInit(): void {
    const known = namesOfConnections(this.modules);
    checkModuleOptions(this.given, known);
    const { connections = known, queues = {}, maxQueues, maxTypes, access } = this.given;
    const isGuarded = this.mount.path === undefined || this.mount.guards.length > 0;
    if (!isGuarded && access !== 'public' && !isDevelopment()) throw new UnguardedMetricsError();
    const labelOf = (name: string): string | undefined => (connections.length > 1 ? name : undefined);

    const tasks = new TaskMetrics({ maxQueues, maxTypes });
    for (const name of connections) {
      const events = this.part<TaskEvents>(getTaskEventsToken(name));
      const server = this.part<TaskServer>(getTaskServerToken(name));
      this.ends.push(events.listen(tasks.listenerFor(labelOf(name))), tasks.watch(server));
    }
    if (queues !== false) {
      const measured = connections.map((name) => ({
        inspector: this.part<TaskInspector>(getTaskInspectorToken(name)),
        name: labelOf(name),
      }));
      const logger = guardLogger(new NestLogAdapter('AsynqMetrics'));
      const stored = new QueueMetrics({ ...queues, maxQueues, connections: measured, logger });
      this.ends.push(() => stored.close());
      stored.register(this.registry);
    }
    this.ends.push(() => tasks.close());
    tasks.register(this.registry);
  }

  onModuleDestroy(): void {
    for (const end of this.ends) end();
  }

  /** All metrics of the registry. */
  async scrape(): Promise<{ readonly text: string; readonly contentType: string }> {
    return { text: await this.registry.metrics(), contentType: this.registry.contentType };
  }

  private get registry(): Registry {
    return this.given.registry ?? sharedRegistry;
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as `ModuleRef.get`
  private part<Part>(token: Parameters<ModuleRef['get']>[0]): Part {
    return this.moduleRef.get<Part>(token, { strict: false });
  }
}

/** Nobody but developers reaches the app. */
const isDevelopment = (): boolean => ['development', 'test'].includes(process.env['NODE_ENV'] ?? '');
