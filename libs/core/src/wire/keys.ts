const queueKey = (queue: string, rest: string): string => `asynq:{${queue}}:${rest}`;

/**
 * Every key in Redis, with its type. The part in braces is the hash tag: all keys of a queue share one Redis Cluster
 * slot. Keys marked (ours) are unknown to asynq, whose programs ignore them.
 */
export const keys = {
  /** set: names of all queues */
  queues: 'asynq:queues',
  /** zset: server keys, score expiry in unix s */
  servers: 'asynq:servers',
  /** zset: workers keys, score expiry in unix s */
  workers: 'asynq:workers',
  /** string: `ServerInfo` bytes */
  server: (host: string, pid: number, serverId: string): string => `asynq:servers:{${host}:${pid}:${serverId}}`,
  /** hash: task id to `WorkerInfo` bytes */
  serverWorkers: (host: string, pid: number, serverId: string): string => `asynq:workers:{${host}:${pid}:${serverId}}`,
  /** zset: scheduler keys, score expiry in unix s */
  schedulers: 'asynq:schedulers',
  /** list: `SchedulerEntry` bytes; the id of a scheduler is `<host>:<pid>:<uuid>` */
  scheduler: (schedulerId: string): string => `asynq:schedulers:{${schedulerId}}`,
  /** zset: `SchedulerEnqueueEvent` bytes, score unix s; has no hash tag, so only commands of one key touch it */
  schedulerHistory: (entryId: string): string => `asynq:scheduler_history:${entryId}`,
  /** pub/sub channel: ids of tasks to cancel */
  cancelChannel: 'asynq:cancel',

  /** prefix of all keys of a queue; only a purge scans for it */
  queuePrefix: (queue: string): string => queueKey(queue, ''),
  /** hash: one task */
  task: (queue: string, taskId: string): string => queueKey(queue, `t:${taskId}`),
  /** prefix of all task hashes; only the fast fetch builds keys from it */
  taskPrefix: (queue: string): string => queueKey(queue, 't:'),
  /** list: ids, new ones at the left, next to run at the right */
  pending: (queue: string): string => queueKey(queue, 'pending'),
  /** list: ids being processed, newest at the left */
  active: (queue: string): string => queueKey(queue, 'active'),
  /** zset: ids, score lease expiry in unix s */
  lease: (queue: string): string => queueKey(queue, 'lease'),
  /** zset: ids, score process-at in unix s */
  scheduled: (queue: string): string => queueKey(queue, 'scheduled'),
  /** zset: ids, score retry-at in unix s */
  retry: (queue: string): string => queueKey(queue, 'retry'),
  /** zset: ids, score time of archiving in unix s */
  archived: (queue: string): string => queueKey(queue, 'archived'),
  /** zset: ids, score time of deletion in unix s */
  completed: (queue: string): string => queueKey(queue, 'completed'),
  /** string: unix s of pausing; its existence pauses the queue */
  paused: (queue: string): string => queueKey(queue, 'paused'),
  /** string counter: tasks ended, ever */
  processed: (queue: string): string => queueKey(queue, 'processed'),
  /** string counter: failures, ever */
  failed: (queue: string): string => queueKey(queue, 'failed'),
  /** string counter: tasks ended on one UTC day (`yyyy-mm-dd`) */
  processedOn: (queue: string, day: string): string => queueKey(queue, `processed:${day}`),
  /** string counter: failures on one UTC day */
  failedOn: (queue: string, day: string): string => queueKey(queue, `failed:${day}`),
  /** set: names of groups with waiting tasks */
  groups: (queue: string): string => queueKey(queue, 'groups'),
  /** zset: ids waiting in a group, score time added in unix s */
  group: (queue: string, group: string): string => queueKey(queue, `g:${group}`),
  /** zset: ids taken from a group for aggregation, scores as in the group; the id of a set is a UUID v4 */
  aggregationSet: (queue: string, group: string, setId: string): string => queueKey(queue, `g:${group}:${setId}`),
  /** zset: keys of aggregation sets, score deadline in unix s */
  aggregationSets: (queue: string): string => queueKey(queue, 'aggregation_sets'),
  /** prefix of all unique locks; `unique-key.ts` builds the whole name */
  uniquePrefix: (queue: string): string => queueKey(queue, 'unique:'),

  /** (ours) string: id of the server that forwards, recovers and trims for the queue; expires with its lease */
  leader: (queue: string): string => queueKey(queue, 'leader'),
  /** (ours) string: id of the server that also watches, as the leader's standby */
  standby: (queue: string): string => queueKey(queue, 'standby'),
  /** (ours) list: wake tokens for idle servers */
  wake: (queue: string): string => queueKey(queue, 'wake'),
  /** (ours) channel: nothing is published; Redis reports changes of keys only to connections with a subscription */
  watchChannel: 'asynq:watch',
  /** (ours) set: names of the queues that have schedules */
  scheduleQueues: 'asynq:schedule_queues',
  /** (ours) set: names of the queue's schedules */
  schedules: (queue: string): string => queueKey(queue, 'schedules'),
  /** (ours) hash: one schedule and its progress */
  schedule: (queue: string, name: string): string => queueKey(queue, `schedule:${name}`),
  /** (ours) pub/sub channel: names of schedules that were redefined, paused, resumed or removed */
  scheduleChannel: (queue: string): string => queueKey(queue, 'schedule_changed'),
  /** (ours) zset: ids of awaited tasks, score until when in unix s */
  awaited: (queue: string): string => queueKey(queue, 'awaited'),
  /** (ours) zset: sizes of groups that aggregators wait for, score until when in unix s */
  fullSizes: (queue: string): string => queueKey(queue, 'full_sizes'),
  /** (ours) zset: names of groups that a Go server may add tasks to without naming them, score until when in unix s */
  expectedGroups: (queue: string): string => queueKey(queue, 'expected_groups'),
  /** (ours) zset: names of groups, score when their newest task joined in unix s; exists while aggregators need it */
  groupsByNewest: (queue: string): string => queueKey(queue, 'groups_by_newest'),
  /** (ours) zset: names of groups, score when their oldest task joined in unix s; exists while aggregators need it */
  groupsByOldest: (queue: string): string => queueKey(queue, 'groups_by_oldest'),
  /** (ours) set: ids of tasks that were rescheduled to the current or the next seconds; expires */
  rescheduled: (queue: string): string => queueKey(queue, 'rescheduled'),
  /** (ours) string: the last call of `enqueue` in a lane of a client, and which of its tasks were written; expires */
  enqueued: (queue: string, lane: string): string => queueKey(queue, `enqueued:${lane}`),
  /** (ours) string: the last fetch in a lane of a server, and the tasks that it took; expires */
  fetched: (queue: string, lane: string): string => queueKey(queue, `fetched:${lane}`),
  /** (ours) pub/sub channel: a group reached such a size, or was then taken */
  groupsChannel: (queue: string): string => queueKey(queue, 'group_changed'),
  /** (ours) stream: events of tasks, as JSON in the field `event`; bounded, expires */
  events: (queue: string): string => queueKey(queue, 'events'),
  /** (ours) pub/sub channel: id of the newest event */
  eventsChannel: (queue: string): string => queueKey(queue, 'events_added'),
  /** (ours) pub/sub channel: how an awaited task ended */
  endedChannel: (queue: string): string => queueKey(queue, 'ended'),
  /** (ours) pub/sub channel: a task was scheduled before all others, or the queue was unpaused */
  nudgeChannel: (queue: string): string => queueKey(queue, 'nudge'),
} as const;
