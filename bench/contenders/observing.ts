/** Ways to watch a worker, each measured against the worker that nothing watches. `ours/observing-program.ts` sets them up. */
export const OBSERVING = [
  {
    id: 'ours-metrics',
    title: 'with metrics',
    settings: '`TaskMetrics`, with its metrics in a registry that is read every 5 s',
  },
] as const;

export type ObservingId = (typeof OBSERVING)[number]['id'];
