import type { Clock, Logger } from '@nestjs-asynq/core';
import type { DashboardConnection } from './connection.js';
import { WorkLimit } from './http/work-limit.js';
import type { DashboardSettings } from './options.js';
import { Readings } from './readings/readings.js';
import { TypeTimesKeeper } from './readings/type-times.js';
import { TaskPresenter } from './reads/task-presenter.js';
import { Redactor } from './redaction/redactor.js';

/** One connection of the app, with all that is kept about it for the pages. */
export class Board {
  readonly readings: Readings;
  readonly typeTimes = new TypeTimesKeeper();
  readonly tasks: TaskPresenter;
  readonly redactor: Redactor;
  /** Answers that take Redis a command, or many, for each of their queues. */
  readonly costly = new WorkLimit(2, 20);
  private readonly unwatch: () => void;

  constructor(
    readonly connection: DashboardConnection,
    readonly settings: DashboardSettings,
    readonly logger: Logger,
    readonly clock: Clock,
  ) {
    const nowMs = (): number => clock.nowMs();
    this.readings = new Readings({ inspector: connection.inspector, logger, nowMs });
    this.redactor = new Redactor(settings.redact);
    this.tasks = new TaskPresenter(this.redactor, settings.formatters, logger);
    this.unwatch = connection.watchEvents(this.typeTimes.note);
  }

  get inspector(): DashboardConnection['inspector'] {
    return this.connection.inspector;
  }

  nowMs(): number {
    return this.clock.nowMs();
  }

  async close(): Promise<void> {
    this.unwatch();
    await this.readings.close();
  }
}
