import { passingTo, type TaskEvent, type TaskEventListener } from '../task/task-event.js';
import { placeOf } from './partition-name.js';

/**
 * Wraps a listener: events of ordinary queues are passed on with the partitioned queue as `queue` and a `partition`.
 */
export function namingPartitions(listener: TaskEventListener | undefined): TaskEventListener | undefined {
  return listener && passingTo(listener, (event) => listener(nameOf(event)));
}

function nameOf(event: TaskEvent): TaskEvent {
  const { queue, partition } = placeOf(event.queue);
  return partition === undefined ? event : { ...event, queue, partition };
}
