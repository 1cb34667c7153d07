import { MessageDecodeError } from '../errors/message-decode.error.js';
import { decodeTaskMessage, emptyMessage, type TaskMessage } from '../wire/task-message.js';

/** Type of a quarantined task whose own type cannot be read. */
export const QUARANTINED_TYPE = 'asynq:quarantined';

export interface StoredMessage {
  /** As stored; or, when that is unusable, a readable replacement with the reason as its last error. */
  readonly message: TaskMessage;
  /** `false`: the bytes do not decode, or name another task or queue than their key. */
  readonly isSound: boolean;
}

/**
 * Reads the field `msg` of a task. Id and queue are those of the key: a message with others would lead to another
 * task's keys, or with an empty name to keys outside of every queue.
 */
export function readStoredMessage(queue: string, taskId: string, bytes: Uint8Array): StoredMessage {
  try {
    const message = decodeTaskMessage(bytes, { id: taskId, queue });
    if (message.id === taskId && message.queue === queue) return { message, isSound: true };
    const reason = `asynq: message is of task "${message.id}" in queue "${message.queue}"`;
    const type = message.type || QUARANTINED_TYPE;
    return { message: { ...message, type, id: taskId, queue, errorMsg: reason }, isSound: false };
  } catch (error) {
    if (!(error instanceof MessageDecodeError)) throw error;
    return { message: quarantined(queue, taskId, `asynq: ${error.message}`), isSound: false };
  }
}

const quarantined = (queue: string, id: string, reason: string): TaskMessage => ({
  ...emptyMessage(),
  type: QUARANTINED_TYPE,
  id,
  queue,
  errorMsg: reason,
});
