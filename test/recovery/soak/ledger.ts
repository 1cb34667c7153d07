import { Conditions } from '../../support/conditions.js';
import { quantile } from '../../support/load.js';

/**
 * What a fault hits: a worker, the way to Redis, the data when a replica takes over or Redis restarts with what it had on its
 * disk, or keys.
 */
export type FaultKind =
  | 'worker-killed'
  | 'worker-frozen'
  | 'worker-stopped'
  | 'worker-blocked'
  | 'worker-skewed'
  | 'service'
  | 'failover'
  | 'restart'
  | 'eviction'
  | 'broken-state';

export interface Fault {
  readonly kind: FaultKind;
  /** Name of the worker that was hit. */
  readonly worker?: string | undefined;
  /** Those that it hit; all when left out. */
  readonly queues?: readonly string[] | undefined;
  /** Ids of those that it hit, when it was these alone. */
  readonly tasks?: readonly string[] | undefined;
  readonly atMs: number;
  /** `undefined` while it lasts. */
  healedAtMs: number | undefined;
  /** Until when it had effects, if longer: a replaced master still answered. */
  effectiveUntilMs?: number;
}

/** What a worker tells of a task. `succeeded`: its outcome is stored. */
export interface TaskReport {
  readonly kind: 'started' | 'ended' | 'failed' | 'succeeded' | 'requeued';
  readonly id: string;
  readonly atMs: number;
}

/** One execution of a task. */
export interface Attempt {
  readonly worker: string;
  readonly startedAtMs: number;
  /** The handler returned, or was aborted. */
  endedAtMs?: number;
  hasSucceeded?: boolean;
  storedAtMs?: number;
  requeuedAtMs?: number;
}

interface TaskRecord {
  readonly queue: string;
  readonly askedAtMs: number;
  /** Its handler must not be called before. */
  readonly dueAtMs: number;
  answeredAtMs?: number;
  isAcknowledged: boolean;
  readonly attempts: Attempt[];
}

const CLOCKS_APART_MS = 50;
/** With `appendfsync everysec` the disk is behind by up to 2 s. */
const LATEST_FSYNC_MS = 2_000;
/** How soon a process goes on where it was frozen. */
const AT_ONCE_MS = 500;

/** Why a task was executed once more. */
export const CAUSES = [
  'its worker was killed while the handler ran',
  'its worker was killed before the outcome was stored',
  'its worker was frozen past its lease',
  'a worker was frozen past the lease between the fetch and the handler',
  'its worker shut down',
  'one enqueue was written twice',
  'a failover undid its outcome',
  'Redis came back without its outcome',
  'its lease or outcome could not be stored during a fault of Redis',
  'a key of its queue was evicted',
] as const;
export type Cause = (typeof CAUSES)[number];
/** No evidence in the ledger explains it: a fault of ours. */
export const NO_CAUSE = 'no known cause';

export interface Verdict {
  readonly faults: number;
  /** Calls of `enqueue` that resolved. */
  readonly acknowledged: number;
  /** Calls that rejected; their tasks may run or not. */
  readonly refused: number;
  /** Ids of acknowledged tasks that no handler finished and that no queue holds. */
  readonly lost: readonly string[];
  /** Those of `lost` that Redis dropped: it evicted a key of theirs or of their queue, or was killed before it had to write them. */
  readonly evicted: number;
  /** Ids of acknowledged tasks that no handler finished so far, in a queue. */
  readonly queued: readonly string[];
  /** Tasks whose handler was called before they were due. */
  readonly early: number;
  /** Tasks with more than one execution. */
  readonly repeated: number;
  /** Executions beyond the first, by their cause. */
  readonly causes: Readonly<Partial<Record<Cause | typeof NO_CAUSE, number>>>;
  /** What the ledger knows of the tasks with an execution that has no known cause, for whoever looks for it. */
  readonly unexplained: readonly UnexplainedTask[];
  readonly recoveryP50Ms: number;
  readonly recoveryP99Ms: number;
}

export interface UnexplainedTask {
  readonly id: string;
  readonly attempts: readonly Attempt[];
  /** Those between its enqueue and its last execution. */
  readonly faults: readonly Fault[];
}

/**
 * Counts, outside of Redis, every acknowledged enqueue and every start and end of a handler, in all processes. Records are only
 * added. The processes share the clock of the machine.
 */
export class Ledger {
  private readonly tasks = new Map<string, TaskRecord>();
  private readonly faults: Fault[] = [];
  private readonly evictedKeys: { readonly key: string; readonly atMs: number }[] = [];
  private readonly changes = new Conditions();

  /** A client is about to enqueue, a task that is due after a while. */
  ask(id: string, atMs = Date.now(), processInMs = 0): void {
    const times = { askedAtMs: atMs, dueAtMs: atMs + processInMs };
    this.tasks.set(id, { queue: queueOf(id), ...times, isAcknowledged: false, attempts: [] });
  }

  /** The call of `enqueue` has ended. */
  answer(id: string, isAcknowledged: boolean, atMs = Date.now()): void {
    const task = this.tasks.get(id)!;
    task.answeredAtMs = atMs;
    task.isAcknowledged = isAcknowledged;
    this.changes.check();
  }

  record(worker: string, { kind, id, atMs }: TaskReport): void {
    const attempts = this.tasks.get(id)?.attempts;
    if (!attempts) throw new Error(`a handler got the task ${id}, which nobody has enqueued`);
    const attempt = attempts.findLast((made) => made.worker === worker);
    if (kind === 'started') attempts.push({ worker, startedAtMs: atMs });
    else if (!attempt && kind === 'requeued')
      return; // fetched, and given back before its handler was called
    else if (!attempt) throw new Error(`${kind} without a start: task ${id} on ${worker}`);
    else if (kind === 'succeeded') attempt.storedAtMs = atMs;
    else if (kind === 'requeued') attempt.requeuedAtMs = atMs;
    else {
      attempt.endedAtMs = atMs;
      attempt.hasSucceeded = kind === 'ended';
    }
    this.changes.check();
  }

  note(fault: Fault): void {
    this.faults.push(fault);
  }

  /** Notes a fault that lasts as long as `inject`. */
  async during(fault: Omit<Fault, 'atMs' | 'healedAtMs'>, inject: () => Promise<unknown>): Promise<Fault> {
    const noted: Fault = { ...fault, atMs: Date.now(), healedAtMs: undefined };
    this.note(noted);
    await inject();
    noted.healedAtMs = Date.now();
    return noted;
  }

  noteEvicted(key: string, atMs = Date.now()): void {
    this.evictedKeys.push({ key, atMs });
  }

  /** Resolves when `count` tasks that were enqueued after a moment have started. */
  startedSince(sinceMs: number, count = 1): Promise<void> {
    return this.until(count, ({ askedAtMs, attempts }) => askedAtMs >= sinceMs && attempts.length > 0);
  }

  /** Resolves when `count` tasks that were enqueued after a moment are acknowledged. */
  acknowledgedSince(sinceMs: number, count = 1): Promise<void> {
    return this.until(count, ({ askedAtMs, isAcknowledged }) => askedAtMs >= sinceMs && isAcknowledged);
  }

  /** Resolves to the worker whose handler was called with a task first. */
  async workerOf(id: string): Promise<string> {
    const { attempts } = this.tasks.get(id)!;
    await this.changes.until(() => attempts.length > 0);
    return attempts[0]!.worker;
  }

  /** Resolves when a handler has finished a task. */
  async executed(...ids: readonly string[]): Promise<void> {
    await this.changes.until(() => ids.every((id) => isExecuted(this.tasks.get(id)!)));
  }

  /** Resolves to the first of the workers on which a handler runs, once one does. */
  async busyOf(workers: readonly string[]): Promise<string> {
    const isOpen = ({ endedAtMs }: Attempt): boolean => endedAtMs === undefined;
    let found: string | undefined;
    await this.changes.until(() => {
      const attempts = [...this.tasks.values()].flatMap((task) => task.attempts.filter(isOpen));
      found = workers.find((name) => attempts.some(({ worker }) => worker === name));
      return found !== undefined;
    });
    return found!;
  }

  private until(count: number, holds: (task: TaskRecord) => boolean): Promise<void> {
    return this.changes.until(() => [...this.tasks.values()].filter(holds).length >= count);
  }

  /** Resolves when every call has ended and every acknowledged task has been finished by a handler. */
  async settled(): Promise<void> {
    await this.changes.until(() =>
      [...this.tasks.values()].every(
        (task) => task.answeredAtMs !== undefined && (!task.isAcknowledged || isExecuted(task)),
      ),
    );
  }

  /** @param isQueued whether a queue holds the task, in any state */
  async verdict(isQueued: (id: string) => Promise<boolean>): Promise<Verdict> {
    for (const { attempts } of this.tasks.values()) attempts.sort((a, b) => a.startedAtMs - b.startedAtMs);
    const entries = [...this.tasks];
    const open = entries.filter(([, task]) => task.isAcknowledged && !isExecuted(task)).map(([id]) => id);
    const isHeld = await Promise.all(open.map(isQueued));
    const lost = open.filter((_, at) => !isHeld[at]);
    const queued = open.filter((_, at) => isHeld[at]);
    const causes: Partial<Record<Cause | typeof NO_CAUSE, number>> = {};
    const unexplained: UnexplainedTask[] = [];
    for (const [id, task] of entries) {
      for (const [at, attempt] of task.attempts.entries()) {
        if (at === 0) continue;
        const cause = this.causeOf(task, task.attempts[at - 1]!, attempt) ?? NO_CAUSE;
        causes[cause] = (causes[cause] ?? 0) + 1;
        if (cause === NO_CAUSE) unexplained.push({ id, attempts: task.attempts, faults: this.overlapping(task) });
      }
    }
    const recoveryMs = this.faults.flatMap((fault) => this.recoveryMs(fault));
    return {
      faults: this.faults.length,
      acknowledged: entries.filter(([, { isAcknowledged }]) => isAcknowledged).length,
      refused: entries.filter(([, task]) => task.answeredAtMs !== undefined && !task.isAcknowledged).length,
      lost,
      evicted: lost.filter((id) => this.wasDropped(id)).length,
      queued,
      early: entries.filter(([, { dueAtMs, attempts }]) => attempts.some(isBefore(dueAtMs))).length,
      repeated: entries.filter(([, { attempts }]) => attempts.length > 1).length,
      causes,
      unexplained,
      recoveryP50Ms: quantile(recoveryMs, 0.5),
      recoveryP99Ms: quantile(recoveryMs, 0.99),
    };
  }

  /** Only what the records prove: a fault that hit the earlier attempt between its start and the next one. */
  private causeOf(task: TaskRecord, earlier: Attempt, next: Attempt): Cause | undefined {
    const isHit = (kinds: readonly FaultKind[], worker?: string): boolean =>
      this.faults.some(
        (fault) =>
          kinds.includes(fault.kind) &&
          (worker === undefined || fault.worker === worker) &&
          fault.atMs <= next.startedAtMs &&
          (fault.effectiveUntilMs ?? fault.healedAtMs ?? Infinity) >= earlier.startedAtMs,
      );
    if (earlier.requeuedAtMs !== undefined) return 'its worker shut down';
    if (this.wasHeldFrozen(earlier, next))
      return 'a worker was frozen past the lease between the fetch and the handler';
    if (earlier.storedAtMs !== undefined) {
      if (earlier.storedAtMs <= (task.answeredAtMs ?? Infinity)) return 'one enqueue was written twice';
      if (isHit(['failover'])) return 'a failover undid its outcome';
      return this.wasUnwritten(earlier.storedAtMs, next) ? 'Redis came back without its outcome' : undefined;
    }
    if (isHit(['worker-killed'], earlier.worker)) {
      return earlier.endedAtMs === undefined
        ? 'its worker was killed while the handler ran'
        : 'its worker was killed before the outcome was stored';
    }
    if (isHit(['worker-frozen'], earlier.worker)) return 'its worker was frozen past its lease';
    if (isHit(['eviction'])) return 'a key of its queue was evicted';
    if (isHit(['service', 'failover', 'restart']))
      return 'its lease or outcome could not be stored during a fault of Redis';
    return undefined;
  }

  private overlapping({ askedAtMs, attempts }: TaskRecord): Fault[] {
    const untilMs = attempts.at(-1)!.startedAtMs;
    return this.faults.filter(({ atMs, healedAtMs = Infinity }) => atMs <= untilMs && healedAtMs >= askedAtMs);
  }

  /** Whether Redis was killed before it had to have an outcome on its disk. */
  private wasUnwritten(storedAtMs: number, { startedAtMs }: Attempt): boolean {
    return this.faults.some(
      ({ kind, atMs }) => kind === 'restart' && atMs <= startedAtMs && atMs - storedAtMs < LATEST_FSYNC_MS,
    );
  }

  /** Whether the worker of `next` had the task when it was frozen, while `earlier` ran on another one. */
  private wasHeldFrozen(earlier: Attempt, next: Attempt): boolean {
    return this.faults.some(
      ({ kind, worker, atMs, healedAtMs = Infinity }) =>
        kind === 'worker-frozen' &&
        worker === next.worker &&
        atMs <= earlier.startedAtMs &&
        earlier.startedAtMs <= healedAtMs &&
        next.startedAtMs - healedAtMs < AT_ONCE_MS &&
        !next.hasSucceeded,
    );
  }

  private wasDropped(id: string): boolean {
    const { queue, askedAtMs, answeredAtMs = Infinity } = this.tasks.get(id)!;
    const isUnwritten = ({ kind, atMs }: Fault): boolean =>
      kind === 'restart' && Math.abs(atMs - answeredAtMs) < LATEST_FSYNC_MS;
    if (this.faults.some(isUnwritten)) return true;
    const task = `asynq:{${queue}}:t:`;
    return this.evictedKeys.some(
      ({ key, atMs }) =>
        key === task + id || (atMs >= askedAtMs && key.startsWith(`asynq:{${queue}}:`) && !key.startsWith(task)),
    );
  }

  /**
   * Of a worker: for each task that it had in hand, the time until that ran again or ended. Of tasks: until each has been
   * started. Of anything else: the time from the end of the fault to the first start of a task of its queues that was
   * enqueued after it.
   */
  private recoveryMs({ worker, queues, tasks, atMs, healedAtMs }: Fault): number[] {
    if (tasks) {
      return tasks.flatMap((id) =>
        this.tasks
          .get(id)!
          .attempts.slice(0, 1)
          .map(({ startedAtMs }) => startedAtMs - atMs),
      );
    }
    if (worker !== undefined) {
      return [...this.tasks.values()].flatMap(({ attempts }) => {
        const hit = attempts.findIndex(
          (attempt) =>
            attempt.worker === worker && attempt.startedAtMs <= atMs && (attempt.endedAtMs ?? Infinity) > atMs,
        );
        if (hit < 0) return [];
        const goneOnAtMs = Math.min(attempts[hit]!.endedAtMs ?? Infinity, attempts[hit + 1]?.startedAtMs ?? Infinity);
        return goneOnAtMs === Infinity ? [] : [goneOnAtMs - atMs];
      });
    }
    if (healedAtMs === undefined) return [];
    const starts = [...this.tasks.values()]
      .filter(({ queue, askedAtMs, attempts }) => askedAtMs >= healedAtMs && attempts.length > 0 && isOf(queues, queue))
      .map(({ attempts }) => attempts[0]!.startedAtMs);
    return starts.length === 0
      ? []
      : [starts.reduce((first, startedAtMs) => Math.min(first, startedAtMs)) - healedAtMs];
  }
}

const isExecuted = ({ attempts }: TaskRecord): boolean => attempts.some(({ hasSucceeded }) => hasSucceeded);

const isOf = (queues: readonly string[] | undefined, queue: string): boolean => !queues || queues.includes(queue);

/** By so much at most it is early by the clocks of two processes, each of which measures the time of Redis. */
const isBefore =
  (dueAtMs: number) =>
  ({ startedAtMs }: Attempt): boolean =>
    startedAtMs < dueAtMs - CLOCKS_APART_MS;

/** Ids begin with the name of their queue. */
export const queueOf = (id: string): string => id.split('/')[0]!;
