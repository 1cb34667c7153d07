/**
 * Types that occur in the signatures of public names. Few apps name them, but a compiler that writes declarations must be able
 * to: test/e2e/public-types.e2e-spec.ts finds those that are missing here.
 */
export type { TaskState } from './api/queues.js';
export type { SearchFilter } from './api/search.js';
export type { KnownType, TaskRef } from './api/tasks.js';
