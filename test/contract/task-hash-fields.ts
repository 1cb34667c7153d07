/** The fields of a task's hash, asynq's and ours. */
export const TASK_HASH_FIELDS = [
  'msg',
  'state',
  'pending_since',
  'unique_key',
  'group',
  'result',
  'due_at_ms',
  'crashes',
  'alone',
  'unknown_since_ms',
  'raw_msg',
  'progress',
  'cancel_then',
  'run_next_ns',
  'backoff',
] as const;
