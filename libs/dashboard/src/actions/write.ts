import { errorText } from '@nestjs-asynq/core/internal';
import type { Board } from '../board.js';
import type { Viewer } from '../access/viewer.js';
import type { Fields } from '../http/fields.js';
import type { ActionName } from '../api/access.js';
import type { Audit, DashboardAction } from './audit.js';

/** What a request that writes is given. */
export interface WriteContext {
  readonly board: Board;
  readonly viewer: Viewer;
  readonly body: Fields;
  readonly audit: Audit;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** Answers a request that writes, with what becomes JSON. */
export type WriteAction = (context: WriteContext) => Promise<object>;

type Facts = Omit<DashboardAction, 'at' | 'who' | 'action' | 'connection' | 'error'>;

/** Notes an action in the audit, whether it was done or failed. */
export async function audited<Result>(
  { board, viewer, audit }: WriteContext,
  action: ActionName,
  facts: Pick<Facts, 'queues'> & Partial<Facts>,
  act: () => Promise<Result>,
): Promise<Result> {
  const common = { at: new Date(board.nowMs()), who: viewer.who, action, connection: board.connection.name };
  try {
    const result = await act();
    audit.note({ ...common, count: 1, failed: 0, ...facts });
    return result;
  } catch (error) {
    audit.note({ ...common, ...facts, count: 0, failed: 1, error: errorText(error) });
    throw error;
  } finally {
    for (const queue of facts.queues) board.readings.changed(queue);
  }
}
