import fc from 'fast-check';
import { type Past, TASKS_WITH_A_PAST } from './tasks-with-a-past.js';

/** Few ids, keys and times, so that operations meet each other. */
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'é', '😀');
const lock = fc.option(fc.constantFrom('1', '2', '3'), { nil: undefined });
const delayMs = fc.oneof(fc.constantFrom(-5, 0, 1, 999, 1_000, 1_001), fc.integer({ min: 1, max: 20_000 }));
const group = fc.constantFrom('digest', 'g:h');
const nth = fc.nat({ max: 7 });
const text = fc.string({ unit: 'grapheme', maxLength: 5 });

/** The first tasks with a past have these ids, too. */
const anyId = fc.oneof(
  id,
  fc.nat({ max: 5 }).map((n) => `past-${n}`),
);
const states = ['pending', 'scheduled', 'retry', 'archived', 'completed', 'aggregating'] as const;
const list = fc
  .constantFrom(...states)
  .map((state) => (state === 'aggregating' ? { state, group: 'digest' } : { state }));

const moveTarget = fc.constantFrom('pending' as const, 'pendingHead' as const, 'archived' as const, 'deleted' as const);

const backoff = fc.option(fc.constantFrom('fixed 1000 1000 0', 'exponential 1 2 0.5'), { nil: undefined, freq: 1 });

const newTask = fc.record({
  id,
  lock,
  group: fc.option(group, { nil: undefined, freq: 1 }),
  payload: fc.uint8Array({ maxLength: 4 }),
  retentionS: fc.constantFrom(0n, 5n, 3600n),
  backoff,
});

const outcome = fc.oneof(
  fc.record({ kind: fc.constantFrom('done' as const, 'requeue' as const) }),
  fc.record({
    kind: fc.constant('complete' as const),
    result: fc.option(fc.uint8Array({ maxLength: 4 }), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant('retry' as const),
    delayMs,
    error: text,
    isFailure: fc.boolean(),
    unknownForMs: fc.option(fc.nat({ max: 1000 }), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('archive' as const), error: text }),
);

/** `nth` chooses among all leases so far, so that many claims are lost ones. */
const claim = fc.record({
  nth,
  isForged: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

const spec = fc.constantFrom('@every 30s', '@hourly');
const someMs = fc.option(fc.nat({ max: 5_000 }), { nil: undefined });

const operation = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('saveSchedule' as const),
      spec,
      payload: fc.uint8Array({ maxLength: 4 }),
      times: fc.record({ processAtMs: someMs, processInMs: someMs, uniqueTtlMs: someMs, backoff }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('fireTick' as const),
      spec,
      isStale: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
      task: newTask,
      delayMs: fc.option(delayMs, { nil: undefined, freq: 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('pauseSchedule' as const), isPaused: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('removeSchedule' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('enqueue' as const),
      tasks: fc.array(newTask, { minLength: 1, maxLength: 3 }),
      delayMs: fc.option(delayMs, { nil: undefined, freq: 1 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('fetch' as const), limit: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('settle' as const),
      ends: fc.array(fc.record({ claim, outcome }), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('extend' as const),
      claims: fc.array(claim, { maxLength: 3 }),
      byS: fc.integer({ min: 1, max: 30 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('advance' as const),
      byMs: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 1, max: 2_500 }) },
        { weight: 3, arbitrary: fc.integer({ min: 1, max: 40_000 }) },
        { weight: 1, arbitrary: fc.constantFrom(10_000, 7_200_000) },
      ),
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('forward' as const), limit: fc.constantFrom(1, 2, 100) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('recover' as const),
      graceMs: fc.constantFrom(0, 2_000),
      maxCrashes: fc.constantFrom(0, 1, 2),
      limit: fc.constantFrom(1, 2, 100),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('repair' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('takeRipe' as const),
      group,
      limits: fc.record({
        gracePeriodS: fc.constantFrom(1, 5),
        maxDelayS: fc.constantFrom(0, 2),
        maxSize: fc.constantFrom(0, 2),
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('endSet' as const),
      nth,
      how: fc.constantFrom('finish' as const, 'return' as const, 'archive' as const),
      task: newTask,
      delayMs: fc.option(delayMs, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reclaim' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('nameGroups' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('awaitSizes' as const), size: fc.constantFrom(1, 2) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('addTask' as const),
      as: fc.constantFrom(...(Object.keys(TASKS_WITH_A_PAST) as Past[])),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('deleteCompleted' as const), limit: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('trimArchived' as const),
      maxAgeMs: fc.constantFrom(3_600_000, 10_000),
      maxSize: fc.integer({ min: 0, max: 3 }),
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('pause' as const) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('unpause' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('writeResult' as const), claim, result: fc.uint8Array({ maxLength: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('writeProgress' as const),
      claim,
      progress: fc.record({ share: fc.constantFrom(0, 0.25, 1), note: text, atMs: nth }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('noteAlone' as const), claim, isAlone: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('await' as const), id }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('requestCancel' as const),
      id,
      outcome: fc.constantFrom('retry' as const, 'archive' as const, 'delete' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('inspect' as const), id }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('list' as const), list }) },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('move' as const),
      list,
      ids: fc.uniqueArray(anyId, { minLength: 1, maxLength: 5 }),
      to: moveTarget,
      near: fc.constantFrom('oldest' as const, 'newest' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('noteTasks' as const), list }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('moveNoted' as const), to: moveTarget }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('reschedule' as const), list, id: anyId, delayMs }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('updatePayload' as const),
      id: anyId,
      payload: fc.uint8Array({ maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('removeQueue' as const), withEverything: fc.boolean() }) },
);

export type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
export type Claim = typeof claim extends fc.Arbitrary<infer T> ? T : never;
export type EndOutcome = typeof outcome extends fc.Arbitrary<infer T> ? T : never;

/** The operations on one queue, in sequence. */
export const operations = (count: number): fc.Arbitrary<Operation[]> =>
  fc.array(operation, { minLength: count, maxLength: count });
