import type { Scheduler } from '@nestjs-asynq/core';
import { errorText } from '@nestjs-asynq/core/internal';
import { checkConnection, connectionOf } from '../discovery/connection-of.js';
import type { EnqueueGuard } from '../distributor/enqueue-guard.js';
import { HandlerSetupError } from '../discovery/handler-setup.error.js';
import type { DiscoveredPeriodicTask, PeriodicTaskExplorer } from '../discovery/periodic-task.explorer.js';

/** Registers the `@PeriodicTask`s of one connection with its scheduler. */
export class PeriodicTasks {
  constructor(
    private readonly connection: string,
    private readonly explorer: PeriodicTaskExplorer,
    private readonly scheduler: Scheduler,
    private readonly guard: Pick<EnqueueGuard, 'check'>,
  ) {}

  /**
   * Called once, before anything starts.
   * @throws {HandlerSetupError} an unknown connection, an invalid spec, invalid options
   */
  load(connections: readonly string[]): void {
    const all = this.explorer.explore();
    for (const task of all) checkConnection(task, 'PeriodicTask', 'has a periodic task for', connections);
    for (const task of all.filter((task) => connectionOf(task) === this.connection)) this.register(task);
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
