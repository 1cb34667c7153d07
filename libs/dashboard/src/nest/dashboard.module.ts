import { type DynamicModule, Inject, Module, type NestModule, type Provider, type Type } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { OptionReader } from '@nestjs-asynq/core/internal';
import { addMountWithSlash, makeController } from './dashboard.controller.js';
import {
  type DashboardModuleAsyncOptions,
  type DashboardModuleOptions,
  type DashboardMount,
  MODULE_NAMES,
  MOUNT_NAMES,
} from './dashboard.options.js';
import { DashboardHost } from './dashboard-host.js';

const GIVEN_OPTIONS = Symbol('asynq:dashboard-options');
const CONTROLLER = Symbol('asynq:dashboard-controller');

/**
 * Pages to see and steer the queues of the app: an ordinary controller, behind the app's guards. Import it beside
 * `AsynqModule`.
 */
@Module({})
export class AsynqDashboardModule implements NestModule {
  constructor(
    @Inject(CONTROLLER) private readonly controller: Type,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
  ) {}

  /** Runs when the framework is known, and before the routes are registered. */
  configure(): void {
    // A context without HTTP has no adapter.
    const type: string | undefined = this.adapterHost.httpAdapter?.getType();
    if (type === 'fastify') addMountWithSlash(this.controller);
  }

  /** @throws {InvalidOptionsError} an option is unknown, or the path is wrong; other problems are found at start */
  static forRoot(options: DashboardMount & DashboardModuleOptions = {}): DynamicModule {
    const reader = new OptionReader(options);
    reader.onlyKnown([...MODULE_NAMES, ...MOUNT_NAMES]);
    reader.throwIfWrong();
    const { path, guards, ...given } = options;
    return dashboardModule({ path, guards }, { provide: GIVEN_OPTIONS, useValue: given }, []);
  }

  /** @throws {InvalidOptionsError} an option is wrong; those that the factory returns are read at start */
  static forRootAsync(options: DashboardModuleAsyncOptions): DynamicModule {
    const reader = new OptionReader(options);
    reader.onlyKnown([...MOUNT_NAMES, 'imports', 'inject', 'useFactory']);
    if (typeof options.useFactory !== 'function') reader.refuse('useFactory', 'a function');
    reader.throwIfWrong();
    const { path, guards, imports = [], inject = [], useFactory } = options;
    return dashboardModule({ path, guards }, { provide: GIVEN_OPTIONS, useFactory, inject }, imports);
  }
}

function dashboardModule(
  mount: DashboardMount,
  given: Provider,
  imports: NonNullable<DynamicModule['imports']>,
): DynamicModule {
  const { path, guards } = readMount(mount);
  const controller = makeController(path, guards);
  return {
    module: AsynqDashboardModule,
    imports,
    controllers: [controller],
    providers: [
      given,
      { provide: CONTROLLER, useValue: controller },
      {
        provide: DashboardHost,
        useFactory: (options: DashboardModuleOptions, moduleRef: ModuleRef, modules: ModulesContainer) =>
          new DashboardHost(options, guards.length > 0, moduleRef, modules),
        inject: [GIVEN_OPTIONS, ModuleRef, ModulesContainer],
      },
    ],
  };
}

function readMount({ path = '/monitoring', guards = [] }: DashboardMount) {
  const reader = new OptionReader({ path, guards });
  const isPath = typeof path === 'string' && /^[\w\-./~]*$/.test(path) && !path.split('/').includes('..');
  if (!isPath) reader.refuse('path', 'a path of letters, digits and ._~-, such as "/monitoring"');
  if (!Array.isArray(guards)) reader.refuse('guards', 'guards, as for @UseGuards');
  reader.throwIfWrong();
  return { path: path.replaceAll(/^\/+|\/+$/g, ''), guards };
}
