import type { Outcome } from '../../../broker/contract/settle.js';
import type { TracedOutcome } from '../../../task/task-tracing.js';

/**
 * The word for the end of an attempt in its trace.
 * @param outcome `undefined`: the lease was lost
 * @param error `undefined`: none
 */
export function tracedOutcome(outcome: Outcome | undefined, error: unknown): TracedOutcome {
  switch (outcome?.kind) {
    case undefined:
      return 'lease_lost';
    case 'requeue':
      return 'requeued';
    case 'archive':
      return 'archived';
    case 'retry':
      return 'retry';
    case 'done':
    case 'complete':
      return error === undefined ? 'success' : 'revoked';
  }
}
