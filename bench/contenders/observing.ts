/** Ways to watch a worker, each measured against the worker that nothing watches. `ours/observing-program.ts` sets them up. */
export const OBSERVING = [
  {
    id: 'ours-metrics',
    title: 'with metrics',
    settings: '`TaskMetrics`, with its metrics in a registry that is read every 5 s',
  },
  { id: 'ours-traces-without-sdk', title: 'with traces, no SDK', settings: '`openTelemetry()`, no SDK' },
  {
    id: 'ours-traces',
    title: 'with traces',
    settings: '`openTelemetry()`, an SDK that records every span and exports to nowhere; tasks without headers',
  },
  { id: 'ours-events', title: 'with events', settings: '`publishEvents: true`: a stream of `started` and `succeeded`' },
] as const;

export type ObservingId = (typeof OBSERVING)[number]['id'];
