import type { EnqueueOps } from '../broker/contract/enqueue.js';
import type { OnUnanswered, PresenceOps } from '../broker/contract/presence.js';
import type { ScheduleId, ScheduleOps, StoredSchedule } from '../broker/contract/schedules.js';
import { ClientEnqueuedTask, type HandleDeps } from '../client/client-task-handle.js';
import { noteEnqueued } from '../client/enqueue-history.js';
import { taskOf } from '../client/enqueue-options.js';
import { enqueueRefusal } from '../client/enqueue-refusal.js';
import { KeyTypeError } from '../errors/key-type.error.js';
import { MessageDecodeError } from '../errors/message-decode.error.js';
import { ScheduleNotFoundError } from '../errors/schedule-not-found.error.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { nearestName } from '../runtime/nearest-name.js';
import type { EnqueuedTask } from '../task/task-handle.js';
import { type ScheduleInfo, toScheduleInfos } from './schedule-info.js';

interface ScheduleControlDeps {
  readonly broker: ScheduleOps & EnqueueOps & Pick<PresenceOps, 'schedulerEntries' | 'recordEnqueueEvent'>;
  readonly handles: HandleDeps;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Reads and controls stored schedules, including those that no process has registered. */
export class ScheduleControl {
  constructor(private readonly deps: ScheduleControlDeps) {}

  /** @param queue `undefined`: of all queues */
  async list(queue: string | undefined, onUnanswered?: OnUnanswered): Promise<ScheduleInfo[]> {
    const { broker, clock } = this.deps;
    const isAll = queue === undefined;
    const queues = isAll ? (await broker.scheduleQueues()).toSorted() : [queue];
    const [entries, stored] = await Promise.all([
      broker.schedulerEntries(onUnanswered),
      Promise.all(queues.map((name) => this.storedIn(name, isAll, onUnanswered))),
    ]);
    return stored.flatMap((schedules) => toScheduleInfos(schedules, entries, clock.nowMs()));
  }

  private async storedIn(
    queue: string,
    isOneOfAll: boolean,
    onUnanswered: OnUnanswered | undefined,
  ): Promise<StoredSchedule[]> {
    try {
      return await this.deps.broker.schedules(queue);
    } catch (error) {
      if (isOneOfAll && error instanceof KeyTypeError) {
        this.deps.logger.error(`cannot list the schedules of queue "${queue}"`, { queue, error });
        return [];
      }
      if (!onUnanswered) throw error;
      onUnanswered(`the schedules of queue "${queue}"`, error);
      return [];
    }
  }

  /** @throws {ScheduleNotFoundError} */
  async setPaused(id: ScheduleId, isPaused: boolean): Promise<boolean> {
    const hasChanged = await this.deps.broker.setSchedulePaused(id, isPaused);
    if (hasChanged === undefined) throw await this.notFound(id);
    return hasChanged;
  }

  /** @throws {ScheduleNotFoundError} */
  async remove(id: ScheduleId): Promise<void> {
    if (!(await this.deps.broker.removeSchedule(id))) throw await this.notFound(id);
  }

  /**
   * @throws {ScheduleNotFoundError}
   * @throws {MessageDecodeError} its stored task cannot be read
   * @throws the reason why the task is refused
   */
  async run(id: ScheduleId): Promise<EnqueuedTask> {
    const { broker, clock, handles } = this.deps;
    const stored = await broker.findSchedule(id);
    if (!stored) throw await this.notFound(id);
    if (!stored.template) throw unreadable(id);
    const nowMs = clock.nowMs();
    const task = taskOf(stored.template, nowMs);
    const [outcome] = await broker.enqueue([task]);
    const refusal = enqueueRefusal(task, outcome!);
    if (refusal) throw refusal;
    const [info] = toScheduleInfos([stored], await this.shownEntries(), nowMs);
    const [entryId] = info!.entryIds;
    // A history without a published entry would never be deleted.
    if (entryId !== undefined) {
      await noteEnqueued(broker, { id: entryId, name: id.name }, task.message.id, this.deps);
    }
    return new ClientEnqueuedTask(task, outcome!.status as EnqueuedTask['initialState'], nowMs, handles);
  }

  private async shownEntries() {
    try {
      return await this.deps.broker.schedulerEntries();
    } catch {
      return []; // the task is enqueued, only the history is incomplete
    }
  }

  private async notFound({ queue, name }: ScheduleId): Promise<ScheduleNotFoundError> {
    const known = await this.deps.broker.schedules(queue);
    const nearest = nearestName(
      name,
      known.map((schedule) => schedule.name),
    );
    return new ScheduleNotFoundError(name, nearest, queue);
  }
}

const unreadable = ({ queue, name }: ScheduleId): MessageDecodeError =>
  new MessageDecodeError(`the task of schedule "${name}" in queue "${queue}"`, {
    cause: new Error('a scheduler that has it registered stores it again when it starts'),
  });
