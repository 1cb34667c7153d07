import type { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import {
  periodicTaskMarks,
  type PeriodicTaskMetadata,
  periodicTasksOf,
} from '../decorators/periodic-task.decorator.js';
import { prototypeOf, refuseControllers } from './providers.js';

/** One `@PeriodicTask` and its location. */
export interface DiscoveredPeriodicTask extends PeriodicTaskMetadata {
  /** `ReportTasks` or `ReportTasks.build`, for messages. */
  readonly label: string;
  readonly prototype: object;
}

/** Finds `@PeriodicTask` on classes and methods of providers. Only reads metadata. */
export class PeriodicTaskExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /**
   * Periodic tasks of every connection. A class that is provided twice counts once.
   * @throws {HandlerSetupError} one is in a controller
   */
  explore(): DiscoveredPeriodicTask[] {
    refuseControllers(this.discovery, 'PeriodicTask', (prototype) => this.tasksOf(prototype).map(({ label }) => label));
    const seen = new Set<object>();
    return this.discovery.getProviders().flatMap((provider) => {
      const prototype = prototypeOf(provider as InstanceWrapper<object>);
      if (!prototype || seen.has(prototype)) return [];
      seen.add(prototype);
      return this.tasksOf(prototype);
    });
  }

  private tasksOf(prototype: object): DiscoveredPeriodicTask[] {
    const owner: unknown = prototype.constructor;
    if (typeof owner !== 'function') return []; // a provided value may be an object without a class
    const { name } = owner;
    const ofClass = periodicTasksOf(owner).map((task) => ({ ...task, label: name, prototype }));
    const ofMethods = periodicTaskMarks
      .of(prototype, this.scanner.getAllMethodNames(prototype))
      .flatMap(({ name: method, marks }) => marks.map((task) => ({ ...task, label: `${name}.${method}`, prototype })));
    return [...ofClass, ...ofMethods];
  }
}
