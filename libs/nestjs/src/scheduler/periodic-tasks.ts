import type { Scheduler } from '@nestjs-asynq/core';
import { errorText } from '@nestjs-asynq/core/internal';
import { checkConnection, connectionOf } from '../discovery/connection-of.js';
import type { EnqueueGuard } from '../distributor/enqueue-guard.js';
import { HandlerSetupError } from '../discovery/handler-setup.error.js';
import type { DiscoveredPeriodicTask, PeriodicTaskExplorer } from '../discovery/periodic-task.explorer.js';

/** Registers the `@PeriodicTask`s of one connection with its scheduler. */
export class PeriodicTasks {
  private readonly registered = new Set<object>();
  /** There was nothing to fire yet when the app was up. */
  private startsWithTasks = false;

  constructor(
    private readonly connection: string,
    private readonly explorer: PeriodicTaskExplorer,
    private readonly scheduler: Scheduler,
    private readonly guard: Pick<EnqueueGuard, 'check'>,
  ) {}

  /**
   * Registers those of all providers that are not registered yet. Called before anything starts, and after further modules were
   * loaded.
   * @throws {HandlerSetupError} an unknown connection, an invalid spec, invalid options
   */
  load(connections: readonly string[]): void {
    const all = this.explorer.explore().filter(({ prototype }) => !this.registered.has(prototype));
    for (const task of all) checkConnection(task, 'PeriodicTask', 'has a periodic task for', connections);
    for (const task of all.filter((task) => connectionOf(task) === this.connection)) this.register(task);
    for (const { prototype } of all) this.registered.add(prototype);
  }

  /**
   * Registers those of a module that was loaded later. Starts the scheduler if it has waited for them.
   * @throws as {@link load}
   */
  async loadMore(connections: readonly string[]): Promise<void> {
    this.load(connections);
    if (this.startsWithTasks && this.scheduler.entries().length > 0) await this.scheduler.start();
  }

  /** The app is up and wants the scheduler, which starts when there are periodic tasks. */
  startWithTasks(): void {
    this.startsWithTasks = true;
  }

  private register({ spec, type, payload, options, label }: DiscoveredPeriodicTask): void {
    const { connection: _connection, ...rest } = options;
    try {
      this.guard.check(type, payload, options.queue);
      this.scheduler.register(spec, type, payload, rest);
    } catch (error) {
      throw new HandlerSetupError(`${label}: ${errorText(error)}. Fix the @PeriodicTask("${spec}").`, { cause: error });
    }
  }
}
