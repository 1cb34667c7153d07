import type { CanActivate, FactoryProvider, ModuleMetadata, Type } from '@nestjs/common';
import {
  QUEUE_METRICS_OPTION_NAMES,
  type QueueMetricsOptions,
  type TaskMetricsOptions,
} from '@nestjs-asynq/core/metrics';
import { OptionReader } from '@nestjs-asynq/core/internal';
import type { Registry } from 'prom-client';

/** Options that must be known when the controller is made, before any factory runs. */
export interface MetricsMount {
  /**
   * Where the metrics are served, below the app's global prefix: `'/metrics'`. Default: nowhere, for apps that serve the registry
   * themselves.
   */
  readonly path?: string | undefined;
  /** Guards of the path, as for `@UseGuards`; the app's global guards run, too. */
  readonly guards?: readonly (Type<CanActivate> | CanActivate)[] | undefined;
}

/** What is measured, and where to. */
export interface MetricsModuleOptions extends TaskMetricsOptions {
  /** Default: that of prom-client itself, which other libraries use, too. */
  readonly registry?: Registry | undefined;
  /** `'public'`: everybody who reaches the app may read the metrics. Default: outside of development `path` needs `guards`. */
  readonly access?: 'public' | undefined;
  /**
   * Metrics of what is stored in Redis, which are the same in every process: options, or `false` in all processes but one. Default:
   * they are exported.
   */
  readonly queues?: Omit<QueueMetricsOptions, 'maxQueues'> | false | undefined;
  /** Names of the connections to measure. Default: all of the app. With more than one, metrics have a label `connection`. */
  readonly connections?: readonly string[] | undefined;
}

/** Options of `forRootAsync`. */
export interface MetricsModuleAsyncOptions extends MetricsMount, Pick<ModuleMetadata, 'imports'> {
  readonly inject?: FactoryProvider['inject'];
  // oxlint-disable-next-line typescript/no-explicit-any -- what `inject` names, as everywhere in Nest
  readonly useFactory: (...args: any[]) => MetricsModuleOptions | Promise<MetricsModuleOptions>;
}

export const MOUNT_NAMES = ['path', 'guards'] as const satisfies readonly (keyof MetricsMount)[];

export const MODULE_NAMES = [
  'registry',
  'access',
  'queues',
  'connections',
  'maxQueues',
  'maxTypes',
] as const satisfies readonly (keyof MetricsModuleOptions)[];

/** {@link MetricsMount} with its defaults; without slashes around the path. */
export interface MetricsMountSettings {
  /** `undefined`: the metrics are not served. */
  readonly path: string | undefined;
  readonly guards: NonNullable<MetricsMount['guards']>;
}

/** @throws {InvalidOptionsError} the path or the guards are wrong */
export function readMount({ path, guards = [] }: MetricsMount): MetricsMountSettings {
  const reader = new OptionReader({ path, guards });
  const isPath = typeof path === 'string' && /^[\w\-./~]*$/.test(path) && !path.split('/').includes('..');
  if (path !== undefined && !isPath) reader.refuse('path', 'a path of letters, digits and ._~-, such as "/metrics"');
  if (!Array.isArray(guards)) reader.refuse('guards', 'guards, as for @UseGuards');
  reader.throwIfWrong();
  return { path: path?.replaceAll(/^\/+|\/+$/g, ''), guards };
}

/**
 * Checks what no other part does.
 * @param known names of the app's connections
 * @throws {InvalidOptionsError} an option is wrong; all of them at once
 */
export function checkModuleOptions(given: MetricsModuleOptions, known: readonly string[]): void {
  const reader = new OptionReader(given);
  reader.onlyKnown(MODULE_NAMES);
  reader.oneOf('access', ['public']);
  reader.callable('registry', undefined, ['registerMetric', 'metrics']);
  const { connections = known, queues } = given;
  const areFine =
    Array.isArray(connections) && connections.length > 0 && connections.every((name) => known.includes(name));
  if (!areFine) {
    reader.refuse('connections', known.length > 0 ? `some of ${known.join(', ')}` : 'the app must import AsynqModule');
  }
  if (queues !== false && queues !== undefined) {
    const inner = new OptionReader(queues, 'queues.');
    inner.onlyKnown(QUEUE_METRICS_OPTION_NAMES.filter((name) => name !== 'maxQueues'));
    reader.add(...inner.problems);
  }
  reader.throwIfWrong();
}
