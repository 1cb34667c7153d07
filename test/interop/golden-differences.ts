/** Steps that are not played. */
export interface LeftOut {
  readonly steps: readonly number[];
  /** Only this part of them; the rest is played. */
  readonly part?: string;
  readonly why: string;
}

/** A call that Go accepts and we refuse. */
export interface Refusal {
  readonly step: number;
  /** The option that our error names. */
  readonly option: string;
  /** Tasks and queues that are missing on our side from then on. */
  readonly absent?: readonly string[];
  readonly why: string;
}

/** A field whose value differs from Go's from a step on, in the notation of the recording. Null: missing. */
export interface Difference {
  readonly step: number;
  readonly key: string;
  readonly field: string;
  readonly go: unknown;
  readonly ours: unknown;
  readonly why: string;
  /** The step that removes the field on both sides. */
  readonly until?: number | undefined;
}

type ByScenario<Row> = Readonly<Record<string, readonly Row[]>>;

// ---- steps not played -----------------------------------------------------------------------------------------

export const LEFT_OUT: ByScenario<LeftOut> = {
  enqueue_errors: [{ steps: [1], why: 'no task object can be nil: the type is the first argument' }],
  batch_enqueue: [
    {
      steps: [1],
      part: 'the elements nil and Group(g)',
      why: 'no task object can be nil; Go has no groups in batches',
    },
  ],
  retry_once_failed: [
    {
      steps: [3],
      part: 'our inspector: the test moves the task as Go does',
      why: 'our servers must handle the state that Go leaves; inspector_bulk_retry plays this call of ours',
    },
  ],
  scheduled_forwarded: [
    { steps: [1], part: 'enqueueing f-2 ourselves: the test writes it as Go does', why: 'we keep its group' },
  ],
  scheduler: [
    {
      steps: [1],
      part: 'the option of the task itself',
      why: 'a periodic task only has the options of its registration; those are shown',
    },
  ],
  aggregation: [
    {
      steps: [2, 3],
      part: 'the option Queue("ignored") of the new task',
      why: 'the type of an aggregate function has no such option, and the value is refused at run time',
    },
  ],
  lease_expired: [
    { steps: [3], part: 'the wait: the test deletes what Redis would expire', why: 'it takes 12 s of real time' },
  ],
};

export const REFUSED: ByScenario<Refusal> = {
  enqueue_options: [
    { step: 3, option: 'maxRetry', absent: ['o-3'], why: 'a negative number is a mistake; Go treats it as 0' },
    {
      step: 5,
      option: 'timeout',
      absent: ['o-5'],
      why: 'the wire stores seconds; Go truncates it to 0, which means none',
    },
    {
      step: 6,
      option: 'timeout',
      absent: ['o-6'],
      why: 'an empty duration; Go treats it as the default of 30 minutes',
    },
    { step: 7, option: 'timeout', absent: ['o-7'], why: 'a negative duration; Go stores it' },
    { step: 12, option: 'queue', absent: ['低い {x}', '名前'], why: 'braces break the hash tag of a Redis Cluster' },
  ],
  enqueue_scheduled: [
    { step: 4, option: 'processIn', absent: ['s-4'], why: 'a negative duration; Go runs the task at once' },
    { step: 5, option: 'processAt', absent: ['s-5'], why: 'two start times contradict each other; Go uses the last' },
  ],
  list_pages: [
    ...[6, 7].map((step) => ({ step, option: 'size', why: 'a page size of 0 is a mistake; Go treats it as 30' })),
    ...[8, 9].map((step) => ({ step, option: 'page', why: 'pages count from 1; Go counts back from the wrong end' })),
  ],
  strict_priority_server: [
    { step: 1, option: 'queues.ignored', why: 'a queue of weight 0 is never served; Go silently drops it' },
  ],
};

// ---- different state -----------------------------------------------------------------------------

const ROUNDED_UP = 'rounded up to the whole second, so that no server starts the task early';
const ROUNDED_UP_LENGTH = 'rounded up to whole seconds, so that it is never shorter than requested; Go truncates';
const EXACT = 'the exact time beside the rounded one';
const LONGER_LEASE = 'rounded up to the whole second, so that a lease is never shorter than promised';
const LEAKED_LOCK = 'Go takes the lock before it finds that the id exists, and the lock stays';
const CLOCK_READ_TWICE = 'Go reads its clock twice and truncates to whole seconds';
const BATCHED_HEADER = 'Go drops the Header option in batches';
const BATCHED_LOCK = 'Go has no unique tasks in batches';
const UNKNOWN_TYPE = 'a task of unknown type has not failed: another server may know it';
const NO_ATTEMPT_LEFT = 'no attempt can succeed past the deadline, and Go uses up the retries';
const OUR_ERROR_TEXT = "an error's text is that of its language";
const CRASHED = 'the task did not fail, its worker did: it runs again at once, and no retry is lost';
const KEPT_GROUP = 'Go forgets the group of a task that is scheduled, and runs it by itself';
const KNOWN_LOCK = 'a task of a group that does not know its lock cannot release it';
const OWN_SCHEDULE = 'a schedule is known by its name in its queue: each tick is claimed there, by one scheduler';
const MORTAL_HISTORY = 'a killed scheduler cannot delete its histories, and starts new ones after a restart';
const GIVEN_BACK = 'the members return to their group, which backs off; Go leaves them until the deadline of the set';
const ANNOUNCED =
  'a server announces the queues that it serves, so that inspectors show one that was deleted and filled again';
const LATENCY = 'without it the latency of the queue reads 0';
const PAUSED_BY_TEST = 'so that no server takes the recovered tasks';

const DEFAULT = 'asynq:{default}';
const PANIC = 'panic error cause by: panic';
const NO_CONNECTION = 'dial tcp 10.0.0.1:25: connection refused';
const TIMED_OUT = 'context deadline exceeded';
const LEASE_EXPIRED = 'asynq: task lease expired';

type Row = readonly [key: string, field: string, go: unknown, ours: unknown];

/** The differences at a step for one reason: key, field, Go's value, our value. */
function rows(step: number, why: string, different: readonly Row[]): Difference[] {
  return different.map(([key, field, go, ours]) => ({ step, key, field, go, ours, why }));
}

/** A task enters `scheduled` or `retry`, and leaves it at the step `until`. */
function waits(step: number, set: 'scheduled' | 'retry', id: string, lengthS: number, until?: number): Difference[] {
  const due = `now+${lengthS}s`;
  return [
    ...rows(step, ROUNDED_UP, [[`${DEFAULT}:${set}`, `zset.${id}`, due, `${due} up`]]),
    ...exactly(step, id, `now+${lengthS * 1000}ms`, until),
  ];
}

/** A task has an exact start time, until the step `until` removes it. */
function exactly(step: number, id: string, dueAtMs: string, until?: number): Difference[] {
  const key = `${DEFAULT}:t:${id}`;
  return [{ step, key, field: 'hash.due_at_ms', go: null, ours: dueAtMs, why: EXACT, until }];
}

/** Tasks that an inspector runs. */
function runs(step: number, ...ids: readonly string[]): Difference[] {
  return rows(
    step,
    LATENCY,
    ids.map((id) => [`${DEFAULT}:t:${id}`, 'hash.pending_since', null, 'now ns']),
  );
}

function leases(step: number, tasks: Readonly<Record<string, string>>): Difference[] {
  return Object.entries(tasks).flatMap(([id, queue]) =>
    rows(step, LONGER_LEASE, [[`asynq:{${queue}}:lease`, `zset.${id}`, 'now+30s', 'now+30s up']]),
  );
}

/** A scheduler registers periodic tasks for the first time: each with its name, spec and task in its queue. */
function plans(step: number, plan: readonly Plan[]): Difference[] {
  const queues = [...new Set(plan.map(({ queue }) => queue))].toSorted();
  return [
    ...rows(step, OWN_SCHEDULE, [['asynq:schedule_queues', 'set', null, queues]]),
    ...plan.flatMap(({ queue, name, spec, task, digest, uniqueMs }) => {
      const schedule = `asynq:{${queue}}:schedule:${name}`;
      const fields = Object.entries({ queue, ...task });
      return rows(step, OWN_SCHEDULE, [
        [`asynq:{${queue}}:schedules`, 'set', null, [name]],
        [schedule, 'hash.spec', null, spec],
        [schedule, 'hash.type', null, task.type],
        [schedule, 'hash.digest', null, digest],
        [schedule, 'hash.since_ms', null, 'now+0ms'],
        [schedule, 'hash.claimed_ms', null, 'now+0ms'],
        ...fields.map(([field, value]): Row => [schedule, `hash.msg.${field}`, null, value]),
        ...(uniqueMs === undefined ? [] : [[schedule, 'hash.unique_ms', null, uniqueMs] as Row]),
      ]);
    }),
  ];
}

const WELCOME = '{"userId":12345,"template":"welcome"}';

interface Plan {
  readonly queue: string;
  readonly name: string;
  readonly spec: string;
  readonly task: Readonly<{ type: string } & Record<string, string | number>>;
  readonly digest: string;
  readonly uniqueMs?: string;
}

export const DIFFERENCES: ByScenario<Difference> = {
  enqueue_options: [
    ...rows(4, ROUNDED_UP_LENGTH, [[`${DEFAULT}:t:o-4`, 'hash.msg.timeout', 1, 2]]),
    ...rows(8, ROUNDED_UP_LENGTH, [[`${DEFAULT}:t:o-8`, 'hash.msg.deadline', 1_893_456_000, 1_893_456_001]]),
    ...rows(10, ROUNDED_UP_LENGTH, [[`${DEFAULT}:t:o-10`, 'hash.msg.retention', 90, 91]]),
  ],
  enqueue_unique: [
    ...rows(5, ROUNDED_UP_LENGTH, [[`${DEFAULT}:unique:u:`, 'ttl_s', 90, 91]]),
    ...rows(7, LEAKED_LOCK, [
      [`${DEFAULT}:unique:u:795f3202b17cb6bc3d4b771d8c6c9eaf`, 'string', 'u-1', null],
      [`${DEFAULT}:unique:u:795f3202b17cb6bc3d4b771d8c6c9eaf`, 'ttl_s', 3_600, null],
    ]),
    ...waits(8, 'scheduled', 'u-7', 7_200, 12),
    ...rows(9, KNOWN_LOCK, [
      [`${DEFAULT}:t:u-8`, 'hash.unique_key', null, `${DEFAULT}:unique:u:39306192204262ad0b88470c636a75dd`],
    ]),
    ...rows(8, CLOCK_READ_TWICE, [[`${DEFAULT}:unique:u:c18788c2f274c779da72d9854ea4bfbf`, 'ttl_s', 10_799, 10_800]]),
  ],
  enqueue_scheduled: [
    ...waits(1, 'scheduled', 's-1', 3_600, 9),
    ...rows(2, ROUNDED_UP, [[`${DEFAULT}:scheduled`, 'zset.s-2', 1_893_456_000, 1_893_456_001]]),
    ...exactly(2, 's-2', '1893456000999'),
    ...waits(7, 'scheduled', 's-6', 3_600, 8),
    ...runs(8, 's-6'),
    ...runs(9, 's-1'),
    ...rows(7, KEPT_GROUP, [[`${DEFAULT}:t:s-6`, 'hash.group', null, 'g']]),
  ],
  enqueue_group: runs(7, 'g-1'),
  batch_enqueue: [
    ...exactly(1, 'b-2', '1893456000000'),
    ...rows(1, BATCHED_HEADER, [[`${DEFAULT}:t:b-3`, 'hash.msg.headers.k', null, 'v']]),
    ...rows(1, BATCHED_LOCK, [
      [`${DEFAULT}:pending`, 'list', ['b-4', 'b-3', 'b-1'], ['b-4', 'b-3', 'b-unique', 'b-1']],
      [`${DEFAULT}:unique:t:`, 'string', null, 'b-unique'],
      [`${DEFAULT}:unique:t:`, 'ttl_s', null, 3_600],
      [`${DEFAULT}:t:b-unique`, 'hash.msg.type', null, 't'],
      [`${DEFAULT}:t:b-unique`, 'hash.msg.id', null, 'b-unique'],
      [`${DEFAULT}:t:b-unique`, 'hash.msg.queue', null, 'default'],
      [`${DEFAULT}:t:b-unique`, 'hash.msg.retry', null, 25],
      [`${DEFAULT}:t:b-unique`, 'hash.msg.timeout', null, 1_800],
      [`${DEFAULT}:t:b-unique`, 'hash.msg.unique_key', null, `${DEFAULT}:unique:t:`],
      [`${DEFAULT}:t:b-unique`, 'hash.unique_key', null, `${DEFAULT}:unique:t:`],
      [`${DEFAULT}:t:b-unique`, 'hash.state', null, 'pending'],
      [`${DEFAULT}:t:b-unique`, 'hash.pending_since', null, 'now ns'],
    ]),
  ],
  retry_once_failed: [...waits(1, 'retry', 'r-1', 3_600), ...waits(4, 'retry', 'r-1', 3_600)],
  retry_not_a_failure: waits(1, 'retry', 'r-2', 3_600),
  retry_unique: waits(1, 'retry', 'r-3', 3_600),
  archived: runs(3, 'a-1'),
  completed: runs(6, 'c-2'),
  active_and_server_keys: [
    ...rows(1, ANNOUNCED, [['asynq:queues', 'set', null, ['critical', 'default', 'low']]]),
    ...rows(2, ANNOUNCED, [['asynq:queues', 'set', ['critical', 'default'], ['critical', 'default', 'low']]]),
    ...rows(2, ROUNDED_UP_LENGTH, [['asynq:{critical}:t:w-2', 'hash.msg.deadline', 'now+3600s', 'now+3600s up']]),
    ...leases(2, { 'w-1': 'default', 'w-2': 'critical' }),
    ...leases(3, { 'w-1': 'default', 'w-2': 'critical' }),
    ...waits(10, 'retry', 'w-1', 3_600),
    ...leases(11, { 'w-2': 'critical' }),
  ],
  timeout: [
    ...waits(1, 'retry', 'd-1', 3_600),
    ...rows(1, NO_ATTEMPT_LEFT, [
      ...['d-2', 'd-3'].flatMap((id): Row[] => [
        [`${DEFAULT}:retry`, `zset.${id}`, 'now+3600s', null],
        [`${DEFAULT}:archived`, `zset.${id}`, null, 'now+0s'],
        [`${DEFAULT}:t:${id}`, 'hash.state', 'retry', 'archived'],
        [`${DEFAULT}:t:${id}`, 'hash.msg.retried', 1, null],
        [`${DEFAULT}:t:${id}`, 'hash.msg.error_msg', TIMED_OUT, `${TIMED_OUT}: its deadline has passed`],
      ]),
    ]),
  ],
  strict_priority_server: rows(1, ANNOUNCED, [['asynq:queues', 'set', null, ['a', 'b']]]),
  shutdown_requeue: rows(1, LATENCY, [[`${DEFAULT}:t:q-1`, 'hash.pending_since', null, 'now ns']]),
  panic_and_unknown_type: [
    ...['panic:string', 'panic:error', 'panic:runtime', 'empty:error'].flatMap((id) => waits(1, 'retry', id, 3_600)),
    ...rows(1, OUR_ERROR_TEXT, [
      [`${DEFAULT}:t:panic:string`, 'hash.msg.error_msg', `${PANIC} [/app/tasks.go:11]: kaboom`, 'kaboom'],
      [
        `${DEFAULT}:t:panic:error`,
        'hash.msg.error_msg',
        `${PANIC} [/app/tasks.go:15]: ${NO_CONNECTION}`,
        NO_CONNECTION,
      ],
      [
        `${DEFAULT}:t:panic:runtime`,
        'hash.msg.error_msg',
        `${PANIC} [internal/runtime/maps/runtime_faststr_swiss.go:265]: assignment to entry in nil map`,
        "Cannot set properties of null (setting 'key')",
      ],
      [`${DEFAULT}:t:empty:error`, 'hash.msg.error_msg', null, 'Error'],
    ]),
    ...rows(1, UNKNOWN_TYPE, [
      [`${DEFAULT}:retry`, 'zset.no:handler', 'now+3600s', 'now+5s up'],
      [`${DEFAULT}:t:no:handler`, 'hash.due_at_ms', null, 'now+5000ms'],
      [`${DEFAULT}:t:no:handler`, 'hash.unknown_since_ms', null, 'now+0ms mark 0 0'],
      [`${DEFAULT}:t:no:handler`, 'hash.msg.last_failed_at', 'now+0s', null],
      [`${DEFAULT}:t:no:handler`, 'hash.msg.retried', 1, null],
      [`${DEFAULT}:processed`, 'string', '5', '4'],
      [`${DEFAULT}:processed:<today>`, 'string', '5', '4'],
      [`${DEFAULT}:failed`, 'string', '5', '4'],
      [`${DEFAULT}:failed:<today>`, 'string', '5', '4'],
    ]),
  ],
  aggregation: rows(3, GIVEN_BACK, [
    [`${DEFAULT}:aggregation_sets`, `zset.${DEFAULT}:g:user:1:<uuid>`, 'now+120s', null],
    [`${DEFAULT}:g:user:1:<uuid>`, 'zset.m-4', 'now+0s of step 1', null],
    [`${DEFAULT}:g:user:1`, 'zset.m-4', null, 'now+0s of step 1'],
    [`${DEFAULT}:groups`, 'set', null, ['user:1']],
  ]),
  inspector_bulk: [
    ...exactly(1, 'i-3', '1893456000000', 4),
    ...exactly(1, 'i-4', '1893542400000', 4),
    ...runs(5, 'i-3', 'i-4'),
    ...runs(6, 'i-5'),
  ],
  inspector_single: [
    ...exactly(1, 'i-3', '1893456000000', 3),
    ...exactly(1, 'i-4', '1893542400000', 7),
    ...runs(3, 'i-3'),
    ...runs(9, 'i-5'),
  ],
  inspector_bulk_retry: [
    ...waits(1, 'retry', 'k-1', 3_600, 2),
    ...waits(1, 'retry', 'k-2', 3_600, 3),
    ...waits(1, 'retry', 'k-3', 3_600, 4),
    ...runs(2, 'k-1'),
  ],
  history: waits(1, 'retry', 'h-2', 3_600),
  scheduler: [
    ...plans(2, [
      {
        queue: 'low',
        name: 'tick',
        spec: '@every 3s',
        task: { type: 'reports:tick', payload: WELCOME, retry: 3, timeout: 20 },
        digest: '209c2050bd5610771e3df92792b1f597ea7e9fa21a41c272043c2c7c87815b35',
      },
      {
        queue: 'default',
        name: 'yearly',
        spec: '0 0 1 1 *',
        task: { type: 'reports:yearly', retry: 25, timeout: 1_800 },
        digest: '1c27cbb77f3e4876f20e02735367db269352e1777471858860a844e8775963cb',
      },
    ]),
    ...rows(3, OWN_SCHEDULE, [
      ['asynq:{low}:schedule:tick', 'hash.claimed_ms', null, '1795247745000'],
      ['asynq:{low}:schedule:tick', 'hash.fired_ms', null, '1795247745000'],
    ]),
    ...rows(3, MORTAL_HISTORY, [['asynq:scheduler_history:<uuid>', 'ttl_s', null, 3_024_000]]).map((difference) => ({
      ...difference,
      until: 7,
    })),
  ],
  periodic_task_manager: plans(1, [
    {
      queue: 'low',
      name: 'hourly',
      spec: '@every 1h',
      task: {
        type: 't',
        payload: WELCOME,
        retry: 25,
        timeout: 1_800,
        unique_key: 'asynq:{low}:unique:t:67ac304a1457cc1243cafade3e14e30c',
      },
      digest: '6c852b06bccfd406d7f1194496936b99d700f47bb17486c1a02b26735d1f37ca',
      uniqueMs: '1800000',
    },
  ]),
  lease_expired: [
    ...leases(1, { 'l-1': 'default', 'l-2': 'default' }),
    ...rows(5, CRASHED, [
      [`${DEFAULT}:pending`, 'list', null, ['l-2', 'l-1']],
      [`${DEFAULT}:retry`, 'zset.l-1', 'now+3600s', null],
      [`${DEFAULT}:archived`, 'zset.l-2', 'now+0s', null],
      [`${DEFAULT}:t:l-1`, 'hash.state', 'retry', 'pending'],
      [`${DEFAULT}:t:l-1`, 'hash.pending_since', null, 'now ns'],
      [`${DEFAULT}:t:l-1`, 'hash.crashes', null, '1 0 0'],
      [`${DEFAULT}:t:l-1`, 'hash.msg.retried', 1, null],
      [`${DEFAULT}:t:l-1`, 'hash.msg.error_msg', LEASE_EXPIRED, null],
      [`${DEFAULT}:t:l-1`, 'hash.msg.last_failed_at', 'now+0s', null],
      [`${DEFAULT}:t:l-2`, 'hash.state', 'archived', 'pending'],
      [`${DEFAULT}:t:l-2`, 'hash.pending_since', null, 'now ns'],
      [`${DEFAULT}:t:l-2`, 'hash.crashes', null, '1 0 0'],
      [`${DEFAULT}:t:l-2`, 'hash.msg.error_msg', LEASE_EXPIRED, null],
      [`${DEFAULT}:t:l-2`, 'hash.msg.last_failed_at', 'now+0s', null],
      [`${DEFAULT}:processed`, 'string', '2', null],
      [`${DEFAULT}:processed:<today>`, 'string', '2', null],
      [`${DEFAULT}:processed:<today>`, 'ttl_s', 7_776_000, null],
      [`${DEFAULT}:failed`, 'string', '2', null],
      [`${DEFAULT}:failed:<today>`, 'string', '2', null],
      [`${DEFAULT}:failed:<today>`, 'ttl_s', 7_776_000, null],
    ]),
    ...rows(5, PAUSED_BY_TEST, [[`${DEFAULT}:paused`, 'string', null, 'now+0s']]),
  ],
};

/** A key that only we write. It may exist at any step, and expires by itself. */
export interface OwnKey {
  readonly pattern: RegExp;
  readonly type: string;
  readonly longestTtlS: number;
  readonly why: string;
}

export const OWN_KEYS: readonly OwnKey[] = [
  {
    pattern: /^asynq:\{[^{}]+\}:(leader|standby)$/,
    type: 'string',
    longestTtlS: 10,
    why: 'one server of ours leads each queue, another is its standby',
  },
  {
    pattern: /^asynq:\{[^{}]+\}:wake$/,
    type: 'list',
    longestTtlS: 10,
    why: 'tokens that wake idle servers; one that stops leaves a token, so that another leads at once',
  },
  {
    pattern: /^asynq:\{[^{}]+\}:full_sizes$/,
    type: 'zset',
    longestTtlS: 60,
    why: 'sizes of groups that aggregators wait for, so that they are notified of full ones; Go checks every 7 s',
  },
  {
    pattern: /^asynq:\{[^{}]+\}:groups_by_(newest|oldest)$/,
    type: 'zset',
    longestTtlS: 3_600,
    why: 'when tasks joined the groups, so that aggregators read only ripe ones; Go reads all groups every time',
  },
  {
    pattern: /^asynq:\{[^{}]+\}:enqueued:[\w-]+:\d+$/,
    type: 'string',
    longestTtlS: 60,
    why: 'tells an enqueue that is repeated after a lost reply what it has written',
  },
  {
    pattern: /^asynq:\{[^{}]+\}:fetched:[\w-]+:\d+$/,
    type: 'string',
    longestTtlS: 120,
    why: 'a server whose fetch was not answered returns the tasks that it names',
  },
  {
    pattern: /^asynq:\{[^{}]+\}:expected_groups$/,
    type: 'zset',
    longestTtlS: 3_601 + 86_400,
    why: 'groups that scheduled tasks will join, kept for another day, so that they are named again if Go forwards the tasks',
  },
];
