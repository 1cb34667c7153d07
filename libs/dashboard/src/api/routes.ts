/**
 * The addresses of the dashboard, all below the mount. Names and ids travel in the query or in the body, never in the
 * path: a queue may be called `..`, `a/b` or `%2F`, and browsers, proxies and routers change such paths.
 *
 * Plain values and types: the pages and the server share this folder.
 */

/** The pages, each one segment below the mount; the overview is the mount itself. All get the same document. */
export const PAGES = [
  '', // overview
  'queues',
  'queue', // ?queue=&state=&group=&page=
  'tasks', // search: the parameters of `GET api/search`
  'task', // ?queue=&id=
  'new', // ?queue=&type=
  'groups', // ?queue=
  'servers',
  'schedules',
  'redis',
  'settings',
] as const;

export type Page = (typeof PAGES)[number];

/** Requests that read. Answers are JSON, except for `live`, a stream of server-sent events. */
export const READS = {
  session: 'api/session',
  overview: 'api/overview',
  queues: 'api/queues',
  queue: 'api/queue',
  history: 'api/queue/history',
  memory: 'api/queue/memory',
  charts: 'api/charts',
  tasks: 'api/tasks',
  search: 'api/search',
  task: 'api/task',
  groups: 'api/groups',
  servers: 'api/servers',
  schedules: 'api/schedules',
  scheduleHistory: 'api/schedule/history',
  redis: 'api/redis',
  types: 'api/types',
  live: 'api/live',
  liveOnce: 'api/live/once',
} as const;

/**
 * Requests that write: `POST` with `content-type: application/json` and the header {@link WRITE_HEADER}. Answers are
 * JSON, except for `actMatching`, which answers with lines of JSON (`application/x-ndjson`).
 */
export const WRITES = {
  pauseQueue: 'api/queue/pause',
  resumeQueue: 'api/queue/resume',
  pauseQueues: 'api/queues/pause',
  resumeQueues: 'api/queues/resume',
  deleteQueue: 'api/queue/delete',
  purgeQueue: 'api/queue/purge',
  act: 'api/tasks/act',
  actMatching: 'api/tasks/act-matching',
  editPayload: 'api/task/payload',
  again: 'api/task/again',
  newTask: 'api/tasks/new',
  runSchedule: 'api/schedule/run',
  pauseSchedule: 'api/schedule/pause',
  resumeSchedule: 'api/schedule/resume',
  deleteSchedule: 'api/schedule/delete',
} as const;

/** No form can send it, and a script of another site only after a preflight, which is never answered. */
export const WRITE_HEADER = { name: 'x-asynq', value: '1' } as const;

/** Of every read: the connection of the app that it is about. Default: the first of `PageConfig.connections`. */
export interface ConnectionQuery {
  readonly connection?: string | undefined;
}
