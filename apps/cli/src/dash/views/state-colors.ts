import type { TaskState } from '@nestjs-asynq/core';

export const STATE_COLORS: Readonly<Record<TaskState, string>> = {
  active: 'blue',
  pending: 'green',
  aggregating: 'cyan',
  scheduled: 'yellow',
  retry: 'magenta',
  archived: 'red',
  completed: 'gray',
};
