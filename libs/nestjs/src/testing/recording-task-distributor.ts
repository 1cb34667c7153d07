import { Client, type ClientOptions, silentLogger } from '@nestjs-asynq/core';
import { type RecordedTask, TaskRecorder } from '@nestjs-asynq/core/testing';
import { TaskDistributor } from '../distributor/task-distributor.service.js';
import { hideFromLogs } from '../lifecycle/hidden-fields.js';

/** Options of a {@link RecordingTaskDistributor}. All are optional. */
export interface RecordingTaskDistributorOptions extends Pick<ClientOptions, 'defaults' | 'maxPayloadBytes' | 'codec'> {
  /** Where tasks are recorded. Default: a recorder of its own. */
  readonly recorder?: TaskRecorder | undefined;
}

/**
 * A distributor that writes nothing and remembers what was enqueued. Options are checked as by the real one.
 *
 * ```ts
 * const tasks = new RecordingTaskDistributor();
 * await new SignUp(tasks).join('ada@example.com');
 * expect(tasks).toHaveEnqueued('email:welcome', { payload: { to: 'ada@example.com' } });
 * ```
 */
export class RecordingTaskDistributor extends TaskDistributor {
  private readonly recorder: TaskRecorder;

  /** @throws {InvalidOptionsError} an option is wrong */
  constructor({ recorder, ...options }: RecordingTaskDistributorOptions = {}) {
    const own = recorder ?? new TaskRecorder({ codec: options.codec });
    super(new Client({ ...options, connection: own.connection, logger: silentLogger }));
    this.recorder = own;
    hideFromLogs(this, 'recorder');
  }

  /** In the order in which they were enqueued, since the start or the last `clear`. */
  get enqueued(): readonly RecordedTask[] {
    return this.recorder.enqueued;
  }

  /** Forgets what was enqueued so far. */
  clear(): void {
    this.recorder.clear();
  }
}
