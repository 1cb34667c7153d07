import type { Logger } from '@nestjs-asynq/core';
import { callGuarded } from '@nestjs-asynq/core/internal';
import type { ActionName } from '../api/access.js';
import type { SearchFilter } from '../api/search.js';

/** One action of a person, after it was done. */
export interface DashboardAction {
  readonly at: Date;
  /** As the app names the person. */
  readonly who: string | undefined;
  readonly action: ActionName;
  readonly connection: string;
  readonly queues: readonly string[];
  /** Ids of the tasks, at most 100 of them. */
  readonly taskIds?: readonly string[] | undefined;
  /** The filter whose tasks were acted on. */
  readonly filter?: SearchFilter | undefined;
  /** Further facts: the name of a schedule, a target, an outcome. Never payloads. */
  readonly details?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** How many tasks or other things were changed. */
  readonly count: number;
  readonly failed: number;
  /** Why it ended early, or failed. */
  readonly error?: string | undefined;
}

/** Called after each action of a person. */
export type ActionListener = (action: DashboardAction) => void;

const MOST_IDS = 100;

/** Writes one line and tells one event for each action. */
export class Audit {
  constructor(
    private readonly logger: Logger,
    private readonly onAction: ActionListener,
  ) {}

  note(action: DashboardAction): void {
    const { at: _at, taskIds, ...facts } = action;
    const noted: DashboardAction = { ...action, ...(taskIds && { taskIds: taskIds.slice(0, MOST_IDS) }) };
    const fields = Object.fromEntries(
      Object.entries({ ...facts, ...(taskIds && { taskIds: noted.taskIds }) }).filter(
        ([, value]) => value !== undefined,
      ),
    );
    this.logger.info(
      `${action.who ?? 'somebody'}: ${action.action}, ${action.count} done, ${action.failed} failed`,
      fields,
    );
    callGuarded(
      () => this.onAction(noted),
      (error) => this.logger.error('a listener of dashboard actions failed', { error }),
    );
  }
}
