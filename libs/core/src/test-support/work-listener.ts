import type { WorkListener } from '../server/watch/work-demand.js';

/** A processor that is told of work, and fetches by itself only. */
export const listenerOf = (onWork: (queue: string) => void): WorkListener => ({
  onWork,
  nextFetch: () => undefined,
  onFetched: () => undefined,
});
