import { ceilS } from '../../wire/unix-time.js';
import type { TaskList } from '../contract/lists.js';
import type { MemoryQueue } from './memory-store.js';
import type { ScoredId } from './sorted-set.js';

/** Distinguishes one stay of a task in a list from the next. As on Redis, where scores are whole seconds. */
export function stampOf(queue: MemoryQueue, { state }: TaskList, { id, score }: ScoredId): string {
  if (state === 'active') return '';
  if (state === 'pending') return queue.tasks.get(id)?.pendingSinceNs?.toString() ?? '-';
  return String(state === 'scheduled' || state === 'retry' ? ceilS(score) : score);
}
