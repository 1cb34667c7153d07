import type { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import type { GroupAggregatorOptions, TaskOptions } from '@nestjs-asynq/core';
import type { Aggregate, GroupOverrides } from '@nestjs-asynq/core/internal';
import type { MarkedMethod } from '../decorators/method-marks.js';
import { type TaskAggregatorMetadata, taskAggregatorMarks } from '../decorators/task-aggregator.decorator.js';
import { checkLeft } from './changed-method.js';
import { checkConnection, connectionOf } from './connection-of.js';
import { HandlerSetupError } from './handler-setup.error.js';
import { distinctProviders, isSingleton, labelOf, prototypeOf, refuseControllers } from './providers.js';

/** One pattern of a method with `@TaskAggregator`. */
interface DiscoveredAggregator extends TaskAggregatorMetadata {
  readonly provider: InstanceWrapper<object>;
  readonly method: string;
  /** `Digests.send`, for messages. */
  readonly label: string;
}

/** The aggregators of one connection, known once the app initializes. */
export class TaskAggregators {
  private found: readonly DiscoveredAggregator[] = [];

  constructor(
    private readonly connection: string,
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /**
   * Finds the aggregators. Called when every module has been scanned and before anything starts, and after further modules were
   * loaded.
   * @param isServing the server has started, with the aggregators that it had then
   * @throws {HandlerSetupError} two for one pattern, an unknown connection, an unsuitable provider, or a new one too late
   */
  load(connections: readonly string[], isServing = false): void {
    refuseControllers(this.discovery, 'TaskAggregator', (prototype) =>
      this.marked(prototype).map(({ name }) => labelOf(prototype, name)),
    );
    const all = distinctProviders(this.discovery).flatMap((provider) => this.aggregatorsOf(provider));
    for (const aggregator of all) check(aggregator, connections);
    const found = all.filter((aggregator) => connectionOf(aggregator) === this.connection);
    checkUnique(found);
    const late = found.find((one) => !this.found.some(({ pattern }) => pattern === one.pattern));
    if (isServing && late) throw tooLate(late);
    this.found = found;
  }

  get patterns(): readonly string[] {
    return this.found.map(({ pattern }) => pattern);
  }

  /**
   * The option for the core's server: the module's own option, and every discovered method.
   * @param defaults the module's, for the options of combined tasks
   */
  withMethods(
    given: GroupAggregatorOptions | undefined,
    defaults: TaskOptions | undefined,
  ): GroupAggregatorOptions | undefined {
    const own = this.methodsOf(given);
    if (!given && own.length === 0) return undefined;
    return {
      ...given,
      ...(own.length > 0 && { groups: { ...given?.groups, ...Object.fromEntries(own) } }),
      defaults: { ...defaults, ...given?.defaults },
    };
  }

  private methodsOf(given: GroupAggregatorOptions | undefined): [string, GroupOverrides][] {
    return this.found.map(({ pattern, options, provider, method }) => {
      const { connection: _, ...limits } = options;
      const instance = provider.instance as Record<string, Aggregate>;
      const aggregate: Aggregate = (...args) => instance[method]!(...args);
      return [pattern, { ...given?.groups?.[pattern], ...limits, aggregate }];
    });
  }

  private aggregatorsOf(provider: InstanceWrapper<object>): DiscoveredAggregator[] {
    const prototype = prototypeOf(provider);
    if (!prototype) return [];
    return this.marked(prototype).flatMap((found) => {
      const label = labelOf(prototype, found.name);
      checkLeft('TaskAggregator', found, label);
      return found.marks.map((mark) => ({ ...mark, provider, method: found.name, label }));
    });
  }

  private marked(prototype: object): MarkedMethod<TaskAggregatorMetadata>[] {
    return taskAggregatorMarks.of(prototype, this.scanner.getAllMethodNames(prototype));
  }
}

function check(aggregator: DiscoveredAggregator, connections: readonly string[]): void {
  const { label, pattern, provider } = aggregator;
  if (pattern.trim() === '') {
    throw new HandlerSetupError(
      `${label}: the group is blank. Give @TaskAggregator a name, or a prefix such as "a:*".`,
    );
  }
  if (!isSingleton(provider)) {
    throw new HandlerSetupError(
      `${label} aggregates groups in a provider that is not a singleton: there is no request or task for which to build it. ` +
        'Move it to a class without request-scoped dependencies.',
    );
  }
  checkConnection(aggregator, 'TaskAggregator', 'aggregates groups of', connections);
}

function tooLate({ label, provider }: DiscoveredAggregator): HandlerSetupError {
  return new HandlerSetupError(
    `${label} aggregates groups, and its module (${provider.host?.name ?? ''}) was loaded when the server had started, ` +
      'which cannot take further aggregators. Import the module, or set "autoStart" to false and call TaskServer.start() after loading it.',
  );
}

function checkUnique(aggregators: readonly DiscoveredAggregator[]): void {
  for (const { pattern } of aggregators) {
    const same = aggregators.filter((other) => other.pattern === pattern);
    if (same.length < 2) continue;
    const lines = same.map(({ label, provider }) => `  ${label}   (module ${provider.host?.name ?? ''})`);
    throw new HandlerSetupError(
      `duplicate aggregator for groups "${pattern}":\n${lines.join('\n')}\n` +
        'A group is aggregated by one method: remove one of them, or give them different groups.',
    );
  }
}
