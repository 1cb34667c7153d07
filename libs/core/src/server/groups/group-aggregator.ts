import { type GroupLimits, LARGEST_SET } from '../../broker/contract/groups.js';
import { taskOptionProblems } from '../../client/enqueue-options.js';
import type { Duration } from '../../runtime/duration.js';
import { OptionReader } from '../../runtime/option-reader.js';
import type { TaskOptions } from '../../task/task-options.js';
import { durationS } from '../../wire/unix-time.js';

/** One task of a group. */
export interface GroupedTask {
  readonly id: string;
  readonly type: string;
  /** Decoded. */
  readonly payload: unknown;
  /** The bytes on the wire, before decoding. */
  readonly payloadBytes: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The task to enqueue in place of the members, in their queue. Options of the members (retries, retention, …) do not
 * apply.
 */
export interface AggregatedTask {
  readonly type: string;
  /** Encoded by the codec; a `Uint8Array` is used unchanged. Default: no payload. */
  readonly payload?: unknown;
  /** As for `enqueue`. A group or another queue is refused, and the tasks return to their group. */
  readonly options?: Omit<TaskOptions, 'queue' | 'group'> | undefined;
}

/** The context of an aggregate function. */
export interface AggregationContext {
  /** The queue of the tasks and of the new one. */
  readonly queue: string;
  /** When the tasks return to their group, two minutes after they were taken. */
  readonly deadline: Date;
  /** Aborts at the deadline and at shutdown; a later result is dropped. */
  readonly signal: AbortSignal;
}

/**
 * Combines many tasks into one. May be called again for the same tasks when it throws, takes too long or its server
 * dies; each task ends up in exactly one enqueued result.
 */
export type Aggregate = (
  group: string,
  tasks: readonly GroupedTask[],
  context: AggregationContext,
) => AggregatedTask | Promise<AggregatedTask>;

/** When a group is ripe: at the first of these. Rounded up to whole seconds. */
export interface GroupLimitOptions {
  /** Time since the last task joined; at least `'1s'`. Default `'1m'`. */
  readonly gracePeriod?: Duration | undefined;
  /** Age of the oldest task; at least `'1s'`. Default: no limit. */
  readonly maxDelay?: Duration | undefined;
  /** Number of tasks, 1 to 1,000; also the maximum taken at a time. Default: no limit, and 1,000 at a time. */
  readonly maxSize?: number | undefined;
}

/** Overrides for some groups. Default of each: the value for all groups. */
export interface GroupOverrides extends GroupLimitOptions {
  readonly aggregate?: Aggregate | undefined;
}

/** When groups are ripe, and how their tasks are combined. The limits apply to groups without limits of their own. */
export interface GroupAggregatorOptions extends GroupLimitOptions {
  /** The function for groups without one of their own. Default: those groups are left to other servers. */
  readonly aggregate?: Aggregate | undefined;
  /** By name of the group, or by a prefix followed by `*`: the exact name wins, then the longest prefix. */
  readonly groups?: Readonly<Record<string, GroupOverrides>> | undefined;
  /** Defaults of the options of all combined tasks; `queue` and `group` are ignored. Default: none; in Nest, the module's `defaults`. */
  readonly defaults?: TaskOptions | undefined;
}

/** How this server aggregates one group. */
export interface GroupPlan {
  readonly limits: GroupLimits;
  readonly aggregate: Aggregate;
  /** Of the options of the combined task. */
  readonly defaults: TaskOptions;
}

/** How a server aggregates, checked. */
export class GroupPlans {
  private readonly exact = new Map<string, GroupPlan | undefined>();
  /** Longest prefix first; `''` for all groups. */
  private readonly prefixes: (readonly [prefix: string, plan: GroupPlan | undefined])[] = [];

  constructor(plans: readonly (readonly [pattern: string, plan: GroupPlan | undefined])[]) {
    for (const [pattern, plan] of plans) {
      if (pattern.endsWith('*')) this.prefixes.push([pattern.slice(0, -1), plan]);
      else this.exact.set(pattern, plan);
    }
    this.prefixes.sort(([a], [b]) => b.length - a.length);
  }

  /** `undefined`: this server has no function for the group. */
  planFor(group: string): GroupPlan | undefined {
    if (this.exact.has(group)) return this.exact.get(group);
    return this.prefixes.find(([prefix]) => group.startsWith(prefix))?.[1];
  }

  /** All sizes at which some group is full. */
  get fullSizes(): number[] {
    const sizes = this.plans.map(({ limits }) => limits.maxSize);
    return [...new Set(sizes.filter((size) => size > 0))];
  }

  /** All grace periods of groups, and all longest delays. */
  get gracePeriodsS(): number[] {
    return [...new Set(this.plans.map(({ limits }) => limits.gracePeriodS))];
  }

  get maxDelaysS(): number[] {
    return [...new Set(this.plans.map(({ limits }) => limits.maxDelayS).filter((limitS) => limitS > 0))];
  }

  /** Shortest time from a group's first task until it is ripe, unless it is full before. */
  get shortestWaitS(): number {
    return Math.min(...this.plans.flatMap(({ limits }) => [limits.gracePeriodS, limits.maxDelayS || Infinity]));
  }

  private get plans(): GroupPlan[] {
    return [...this.exact.values(), ...this.prefixes.map(([, plan]) => plan)].filter((plan) => plan !== undefined);
  }
}

const LIMIT_NAMES = ['gracePeriod', 'maxDelay', 'maxSize'];
const DEFAULT_LIMITS: GroupLimits = { gracePeriodS: 60, maxDelayS: 0, maxSize: 0 };

/** `undefined` when the server aggregates nothing. Problems are reported to the reader. */
export function readGroupAggregator(
  reader: OptionReader,
  given: GroupAggregatorOptions | undefined,
): GroupPlans | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'object' || given === null) {
    reader.refuse('groupAggregator', 'an object with aggregate');
    return undefined;
  }
  const own = new OptionReader(given, 'groupAggregator.');
  own.onlyKnown([...LIMIT_NAMES, 'aggregate', 'groups', 'defaults']);
  own.add(...taskOptionProblems(given.defaults ?? {}, 'groupAggregator.defaults.'));
  const { queue: _queue, group: _group, ...defaults } = given.defaults ?? {};
  const limits = readLimits(own, DEFAULT_LIMITS);
  const aggregate = own.callable<Aggregate | undefined>('aggregate', undefined);
  const overrides = readOverrides(own, given.groups, { limits, aggregate, defaults });
  const plans = [['*', aggregate && { limits, aggregate, defaults }] as const, ...overrides];
  if (plans.every(([, plan]) => plan === undefined)) own.refuse('aggregate', 'a function, here or for some groups');
  reader.add(...own.problems);
  return new GroupPlans(plans);
}

function readOverrides(
  own: OptionReader,
  groups: GroupAggregatorOptions['groups'] = {},
  { limits, aggregate, defaults }: Omit<GroupPlan, 'aggregate'> & { readonly aggregate: Aggregate | undefined },
): (readonly [pattern: string, plan: GroupPlan | undefined])[] {
  if (typeof groups !== 'object' || groups === null) {
    own.refuse('groups', 'an object from group names to their overrides');
    return [];
  }
  return Object.entries(groups).map(([pattern, overrides]) => {
    const reader = new OptionReader(overrides, `groupAggregator.groups.${pattern}.`);
    reader.onlyKnown([...LIMIT_NAMES, 'aggregate']);
    if (pattern.trim() === '') own.refuse('groups', 'names that are not blank', pattern);
    const ownLimits = readLimits(reader, limits);
    const ownAggregate = reader.callable('aggregate', aggregate);
    own.add(...reader.problems);
    return [pattern, ownAggregate && { limits: ownLimits, aggregate: ownAggregate, defaults }] as const;
  });
}

function readLimits(reader: OptionReader, fallback: GroupLimits): GroupLimits {
  const bounds = { minMs: 1_000 };
  const gracePeriodMs = reader.duration('gracePeriod', undefined, bounds);
  const maxDelayMs = reader.duration('maxDelay', undefined, bounds);
  return {
    gracePeriodS: gracePeriodMs === undefined ? fallback.gracePeriodS : durationS(gracePeriodMs),
    maxDelayS: maxDelayMs === undefined ? fallback.maxDelayS : durationS(maxDelayMs),
    maxSize: reader.wholeNumber('maxSize', fallback.maxSize, 1, LARGEST_SET),
  };
}
