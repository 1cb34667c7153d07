import type { OnApplicationBootstrap, OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import type { ModuleRef, ModulesContainer } from '@nestjs/core';
import { guardLogger, OptionReader } from '@nestjs-asynq/core/internal';
import {
  getTaskDistributorToken,
  getTaskEventsToken,
  getTaskInspectorToken,
  type TaskDistributor,
  type TaskEvents,
  type TaskInspector,
} from 'nestjs-asynq';
import {
  internalToken,
  namesOfConnections,
  NestLogAdapter,
  type PayloadCheck,
  type TaskHandlers,
} from 'nestjs-asynq/internal';
import type { DashboardConnection } from '../connection.js';
import { Dashboard, type Route } from '../dashboard.js';
import { readOptions } from '../options.js';
import type { DashboardModuleOptions } from './dashboard.options.js';
import { PayloadSchemas } from './payload-schemas.js';
import { UnguardedDashboardError } from './unguarded-dashboard.error.js';

/** The dashboard in the life of an app. */
export class DashboardHost implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private dashboard: Dashboard | undefined;
  private routes: ReadonlyMap<string, Route> = new Map();

  constructor(
    private readonly given: DashboardModuleOptions,
    private readonly hasGuards: boolean,
    private readonly moduleRef: ModuleRef,
    private readonly modules: ModulesContainer,
  ) {}

  /**
   * @throws {InvalidOptionsError} an option is wrong
   * @throws {UnguardedDashboardError} everybody could use it
   */
  async onModuleInit(): Promise<void> {
    const { connections, onAction, ...options } = this.given;
    const settings = readOptions(options);
    const isGuarded = this.hasGuards || settings.accessRule !== undefined;
    if (!isGuarded && !settings.isPublic && !isDevelopment()) throw new UnguardedDashboardError();
    const schemas = await PayloadSchemas.load();
    const names = this.namesOf(connections);
    this.dashboard = new Dashboard({
      settings,
      connections: names.map((name) => this.connection(name, schemas)),
      logger: guardLogger(new NestLogAdapter('AsynqDashboard')),
      onAction: (action) => onAction?.(action),
      checksHost: !isGuarded,
      standalone: false,
    });
    this.routes = new Map(this.dashboard.routes.map((route) => [keyOf(route.method, route.path), route]));
  }

  onApplicationBootstrap(): void {
    this.dashboard?.start();
  }

  /** Comes before the HTTP server closes, which waits for open streams. */
  async onModuleDestroy(): Promise<void> {
    await this.dashboard?.close();
  }

  /** What answers an address; an unknown one is answered with 404. */
  route(method: string, path: string): Route {
    if (!this.dashboard) throw new Error('the dashboard has not started');
    return this.routes.get(keyOf(method, path)) ?? this.dashboard.nowhere;
  }

  private namesOf(given: readonly string[] | undefined): readonly string[] {
    const known = namesOfConnections(this.modules);
    const names = given ?? known;
    const reader = new OptionReader({ connections: given });
    const isFine = Array.isArray(names) && names.length > 0 && names.every((name) => known.includes(name));
    const allowed = known.length > 0 ? `some of ${known.join(', ')}` : 'the app must import AsynqModule';
    if (!isFine) reader.refuse('connections', allowed);
    reader.throwIfWrong();
    return names;
  }

  private connection(name: string, schemas: PayloadSchemas): DashboardConnection {
    const distributor = this.part<TaskDistributor>(getTaskDistributorToken(name));
    const handlers = this.part<TaskHandlers>(internalToken('handlers', name));
    const check = this.part<PayloadCheck | undefined>(internalToken('payload-check', name));
    const events = this.part<TaskEvents>(getTaskEventsToken(name));
    return {
      name,
      inspector: this.part<TaskInspector>(getTaskInspectorToken(name)),
      async enqueue(type, payload, options) {
        const { queue, id, initialState } = await distributor.enqueue(type, payload, options);
        return { queue, id, state: initialState };
      },
      async problemsOf(type, payload) {
        return (await check?.problemOfBytes(type, payload))?.messages ?? [];
      },
      types: () =>
        handlers.all.map(({ pattern, payloadClass }) => ({ type: pattern, schema: schemas.of(payloadClass) })),
      watchEvents(listener) {
        const subscription = events.subscribe(listener);
        return () => subscription.unsubscribe();
      },
    };
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as `ModuleRef.get`
  private part<Part>(token: Parameters<ModuleRef['get']>[0]): Part {
    return this.moduleRef.get<Part>(token, { strict: false });
  }
}

const keyOf = (method: string, path: string): string => `${method} ${path}`;

/** Nobody but developers reaches the app. */
const isDevelopment = (): boolean => ['development', 'test'].includes(process.env['NODE_ENV'] ?? '');
