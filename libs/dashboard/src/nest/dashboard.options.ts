import type { CanActivate, FactoryProvider, ModuleMetadata, Type } from '@nestjs/common';
import type { ActionListener } from '../actions/audit.js';
import { type DashboardOptions, OPTION_NAMES } from '../options.js';

/** Options that must be known when the controller is made, before any factory runs. */
export interface DashboardMount {
  /** Where the pages are, below the app's global prefix. Default `'/monitoring'`. */
  readonly path?: string | undefined;
  /** Guards of the dashboard, as for `@UseGuards`; the app's global guards run, too. */
  readonly guards?: readonly (Type<CanActivate> | CanActivate)[] | undefined;
}

/** Options of the dashboard inside of an app. */
export interface DashboardModuleOptions extends DashboardOptions {
  /** Names of the connections to show, the first by default. Default: all of the app. */
  readonly connections?: readonly string[] | undefined;
  /** Called after each action of a person. Errors are logged. */
  readonly onAction?: ActionListener | undefined;
}

/** Options of `forRootAsync`. */
export interface DashboardModuleAsyncOptions extends DashboardMount, Pick<ModuleMetadata, 'imports'> {
  readonly inject?: FactoryProvider['inject'];
  // oxlint-disable-next-line typescript/no-explicit-any -- what `inject` names, as everywhere in Nest
  readonly useFactory: (...args: any[]) => DashboardModuleOptions | Promise<DashboardModuleOptions>;
}

export const MOUNT_NAMES = ['path', 'guards'] as const satisfies readonly (keyof DashboardMount)[];

export const MODULE_NAMES = [
  ...OPTION_NAMES,
  'connections',
  'onAction',
] as const satisfies readonly (keyof DashboardModuleOptions)[];
