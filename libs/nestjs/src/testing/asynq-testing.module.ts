import { type DynamicModule, type InjectionToken, Module, type Provider } from '@nestjs/common';
import { type Client, InvalidOptionsError } from '@nestjs-asynq/core';
import { TestQueues } from '@nestjs-asynq/core/testing';
import { loggerFor } from '../asynq.core-module.js';
import type { AsynqModuleExtras } from '../asynq.module-definition.js';
import { AsynqModule } from '../asynq.module.js';
import {
  type AsynqModuleOptions,
  type AsynqSettings,
  DEFAULT_CONNECTION,
  readConnectionName,
  readModuleOptions,
} from '../asynq.options.js';
import {
  getTaskDistributorToken,
  getTaskEventsToken,
  getTaskServerToken,
  GIVEN_OPTIONS,
  internalToken,
} from '../asynq.tokens.js';
import { TaskEvents } from '../lifecycle/task-events.js';
import type { TaskServer } from '../lifecycle/task-server.js';
import { TaskDistributor } from '../distributor/task-distributor.service.js';
import { InlineClient } from './inline-client.js';
import { RecordingTaskDistributor } from './recording-task-distributor.js';

/**
 * What becomes of enqueued tasks. `run`: a server runs them, as in production. `inline`: each runs within `enqueue`, which
 * throws what the handler throws. `record`: nothing runs.
 */
export type AsynqTestingMode = 'run' | 'inline' | 'record';

/** Options of {@link AsynqTestingModule}: those of `AsynqModule` without a connection and a clock, and the ones below. */
export interface AsynqTestingOptions
  extends Partial<Omit<AsynqModuleOptions, 'connection' | 'clock'>>, AsynqModuleExtras {
  /** Share it between several apps. Default: queues of its own, in the app as `TestQueues`. */
  readonly testQueues?: TestQueues | undefined;
  /** Default `'run'`. */
  readonly mode?: AsynqTestingMode | undefined;
}

/** A builder of `@nestjs/testing`. */
export interface OverridableBuilder {
  overrideProvider(token: unknown): {
    useFactory(options: { factory: (...args: never[]) => unknown; inject?: InjectionToken[] }): unknown;
  };
}

/** Token of the {@link TestQueues} of a named connection: the class itself for the default one. */
export const getTestQueuesToken = (name: string = DEFAULT_CONNECTION): InjectionToken<TestQueues> =>
  name === DEFAULT_CONNECTION ? TestQueues : `asynq:TestQueues:${name}`;

/**
 * `AsynqModule` for tests: queues in memory, and a clock that the test moves. In place of `AsynqModule.forRoot`:
 *
 * ```ts
 * const module = await Test.createTestingModule({ imports: [AsynqTestingModule.forRoot()], providers: [Reminders] }).compile();
 * const app = await module.init();
 * const queues = app.get(TestQueues);
 * await app.get(SignUp).join('ada');
 * await queues.drain();
 * ```
 */
@Module({})
export class AsynqTestingModule {
  /** @throws {InvalidOptionsError} the options are no object, or `name` or `mode` is wrong */
  static forRoot(options: AsynqTestingOptions = {}): DynamicModule {
    const { name, testQueues, mode, ...own } = read(options);
    const module = AsynqModule.forRoot({ ...own, ...settingsOf(testQueues, mode), name });
    const [core, ...others] = module.imports as DynamicModule[];
    const token = getTestQueuesToken(name);
    const distributor = getTaskDistributorToken(name);
    const kept = (core!.providers ?? []).filter((provider) => mode === 'run' || tokenOf(provider) !== distributor);
    const queues: Provider = {
      provide: token,
      useFactory: (events: TaskEvents) => follow(events, testQueues),
      inject: [getTaskEventsToken(name)],
    };
    const providers = [...kept, queues, ...doubleOf(mode, name, testQueues)];
    return { ...module, imports: [{ ...core!, providers, exports: [...core!.exports!, token] }, ...others] };
  }

  /**
   * Puts test queues under the `AsynqModule` of an app that a test imports as it is. The other options that the app gives
   * stay, unless they are given here too. Returns the builder.
   *
   * ```ts
   * const queues = new TestQueues();
   * const builder = Test.createTestingModule({ imports: [AppModule] });
   * const module = await AsynqTestingModule.override(builder, { testQueues: queues }).compile();
   * ```
   *
   * @throws {InvalidOptionsError} the options are no object, or `name` or `mode` is wrong
   */
  static override<Builder extends OverridableBuilder>(
    builder: Builder,
    options: AsynqTestingOptions & { readonly testQueues: TestQueues },
  ): Builder {
    const { name, testQueues, mode, ...own } = read(options);
    const settings = internalToken('settings', name);
    builder.overrideProvider(settings).useFactory({
      factory: (given: AsynqModuleOptions) =>
        readModuleOptions(name, { ...given, ...own, ...settingsOf(testQueues, mode) }),
      inject: [GIVEN_OPTIONS],
    });
    builder.overrideProvider(getTaskEventsToken(name)).useFactory({
      factory: (read: AsynqSettings) => {
        const events = new TaskEvents(loggerFor('AsynqEvents', read));
        follow(events, testQueues);
        return events;
      },
      inject: [settings],
    });
    for (const { provide, useFactory, inject } of doubleOf(mode, name, testQueues)) {
      builder.overrideProvider(provide).useFactory({ factory: useFactory, inject });
    }
    return builder;
  }
}

type ReadOptions = Omit<AsynqTestingOptions, 'name' | 'testQueues' | 'mode'> & {
  readonly name: string;
  readonly testQueues: TestQueues;
  readonly mode: AsynqTestingMode;
};

const MODES: readonly unknown[] = ['run', 'inline', 'record'];

function read({ name, testQueues, mode = 'run', ...own }: AsynqTestingOptions): ReadOptions {
  if (!MODES.includes(mode)) {
    throw new InvalidOptionsError([{ option: 'mode', value: mode, allowed: "'run', 'inline' or 'record'" }]);
  }
  const queues = testQueues ?? new TestQueues({ codec: own.codec });
  return { ...own, name: readConnectionName(name), testQueues: queues, mode };
}

/** Without a server, and without the ticks of periodic tasks, unless tasks run by themselves. */
function settingsOf({ connection, clock }: TestQueues, mode: AsynqTestingMode) {
  return { connection, clock, ...(mode !== 'run' && { worker: false, scheduler: false as const }) };
}

function follow(events: TaskEvents, queues: TestQueues): TestQueues {
  events.subscribe(queues.onEvent);
  return queues;
}

interface FactoryProvider {
  readonly provide: InjectionToken;
  readonly useFactory: (...args: never[]) => unknown;
  readonly inject: InjectionToken[];
}

/** The distributor in place of the real one, if any. */
function doubleOf(mode: AsynqTestingMode, name: string, queues: TestQueues): FactoryProvider[] {
  if (mode === 'run') return [];
  const { recorder } = queues;
  const useFactory = (settings: AsynqSettings, server: TaskServer): TaskDistributor =>
    mode === 'inline'
      ? new TaskDistributor(new InlineClient(server, settings, recorder) as unknown as Client)
      : new RecordingTaskDistributor({ ...clientOptions(settings), recorder });
  return [
    {
      provide: getTaskDistributorToken(name),
      useFactory,
      inject: [internalToken('settings', name), getTaskServerToken(name)],
    },
  ];
}

const clientOptions = ({ client, codec }: AsynqSettings) => ({
  defaults: client.defaults,
  maxPayloadBytes: client.maxPayloadBytes,
  codec,
});

const tokenOf = (provider: Provider): unknown => (typeof provider === 'function' ? provider : provider.provide);
