import { errorText } from '../../../errors/error-text.js';
import { isInstance } from '../../../errors/as-error.js';
import { HandlerNotFoundError } from '../../../errors/handler-not-found.error.js';
import { placeOf } from '../../../partitions/partition-name.js';
import type { Clock } from '../../../runtime/clock.js';
import { LogBudget } from '../../../runtime/log-budget.js';
import { type Logger, silentLogger } from '../../../runtime/logger.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import type { Ending } from './attempt.js';

/** The log line of an attempt without its fields. */
interface Line {
  readonly level: keyof Logger;
  readonly text: string;
  /** As the event of the same end is called. */
  readonly outcome: 'retried' | 'archived' | 'revoked' | 'requeued' | 'leaseLost';
  readonly error?: unknown;
}

/**
 * Writes one line about an attempt that did not succeed. Its fields are the same for all: `queue`, `type`, `taskId`, `attempt` (the
 * first is 1), `maxRetry`, `durationMs`, `outcome`, and `error` where it tells more than the text. Of a type whose tasks fail by the
 * thousands 10 lines a second are written after the first 100; the next one says in `leftOut` how many are missing.
 */
export class FailureLog {
  private readonly budget: LogBudget;

  constructor(
    clock: Clock,
    private readonly logger: Logger,
  ) {
    this.budget = new LogBudget(clock);
  }

  write(message: TaskMessage, ending: Ending): void {
    if (this.logger === silentLogger) return;
    const { level, text, outcome, error } = lineOf(ending);
    const leftOut = this.budget.take(`${outcome} ${message.type}`);
    if (leftOut === undefined) return;
    this.logger[level](text, {
      queue: placeOf(message.queue).queue,
      type: message.type,
      taskId: message.id,
      attempt: message.retried + 1,
      maxRetry: message.maxRetry,
      durationMs: Math.round(ending.durationMs),
      outcome,
      ...(leftOut > 0 && { leftOut }),
      ...(error !== undefined && { error }),
    });
  }
}

function lineOf({ outcome, error }: Ending): Line {
  switch (outcome?.kind) {
    case undefined:
      return {
        level: 'warn',
        text: 'lost the lease on a running task; its outcome is dropped',
        outcome: 'leaseLost',
      };
    case 'archive':
      return { level: 'error', text: `task archived: ${outcome.error}`, outcome: 'archived', error };
    case 'retry':
      if (isInstance(error, HandlerNotFoundError)) {
        return { level: 'warn', text: `task put back: ${errorText(error)}`, outcome: 'retried' };
      }
      return {
        level: outcome.isFailure ? 'warn' : 'debug',
        text: `task failed, will be retried: ${outcome.error}`,
        outcome: 'retried',
        error,
      };
    case 'requeue':
      return { level: 'debug', text: 'task requeued', outcome: 'requeued' };
    default:
      return { level: 'debug', text: 'task revoked', outcome: 'revoked' };
  }
}
