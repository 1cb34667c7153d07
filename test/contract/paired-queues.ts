import { isDeepStrictEqual } from 'node:util';
import type { FakeClock } from '@nestjs-asynq/core/testing';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { allGroups } from './grouped-tasks.js';
import type { Claim, EndOutcome, Operation } from './random-operations.js';
import { type Past, type TaskWithAPast, TASKS_WITH_A_PAST } from './tasks-with-a-past.js';

type Broker = TestQueue['broker'];
type Settlement = Parameters<Broker['settle']>[1][number];
type AggregationSet = NonNullable<Awaited<ReturnType<Broker['takeRipe']>>>;
type Held = Pick<Settlement, 'message' | 'claim'>;
type NewTask = Parameters<Broker['enqueue']>[0][number];
type OperationOf<Op extends Operation['op']> = Extract<Operation, { op: Op }>;

/** The results of memory and of Redis. */
type Replies<T = unknown> = [memory: T, redis: T];

/** Longer than all steps of a run together: Redis ends locks by its own clock. */
const LOCK_TTL_S = 30 * 86_400;
const LEASE_MS = 30_000;
/** More than any queue here holds. */
const ALL = 100;

/** Two queues with one name and clock, on two brokers, with the same operations. */
export class PairedQueues {
  private readonly name: string;
  /** Every lease so far, newest first, those of settled tasks last; many have ended. */
  private readonly held: Held[] = [];
  /** Every aggregation set so far, newest first, as named by memory and by Redis; many have ended. */
  private readonly sets: Replies<AggregationSet>[] = [];
  /** The tasks that bulk work found at its start. */
  private noted: { list: OperationOf<'noteTasks'>['list']; entries: readonly { id: string; stamp: string }[] } = {
    list: { state: 'pending' },
    entries: [],
  };
  private addedTasks = 0;

  constructor(
    private readonly memory: TestQueue,
    private readonly redis: TestQueue,
    private readonly clock: FakeClock,
  ) {
    this.name = memory.name;
  }

  /** Performs an operation on both, and compares the results and the complete contents. */
  async step(operation: Operation): Promise<void> {
    const [memorySays, redisSays] = await this.perform(operation);
    const step = fc.stringify(operation);
    expectEqual(redisSays, memorySays, `reply to ${step}`);
    expectEqual(await this.redis.dump(), await this.memory.dump(), `queue after ${step}`);
  }

  private async perform(operation: Operation): Promise<Replies> {
    switch (operation.op) {
      case 'advance':
        await this.clock.advance(operation.byMs);
        return [undefined, undefined];
      case 'addTask':
        await this.addTask(operation.as);
        return [undefined, undefined];
      case 'enqueue':
        return this.enqueue(operation);
      case 'saveSchedule': {
        const { spec, payload, times } = operation;
        const definition = {
          ...this.schedule,
          spec,
          template: { message: this.memory.message('', { payload }), ...times },
        };
        return this.both((broker) => broker.saveSchedule(definition));
      }
      case 'fireTick':
        return this.fireTick(operation);
      case 'pauseSchedule':
        return this.both((broker) => broker.setSchedulePaused(this.schedule, operation.isPaused));
      case 'removeSchedule':
        return this.both((broker) => broker.removeSchedule(this.schedule));
      case 'fetch':
        return this.fetch(operation.limit);
      case 'extend':
        return this.extend(operation);
      case 'settle':
        return this.settle(operation);
      case 'recover':
        return this.recover(operation);
      case 'forward':
        return this.forward(operation.limit);
      case 'writeResult': {
        const { claim } = this.claimed(operation.claim);
        return this.both((broker) => broker.writeResult(this.name, claim, operation.result));
      }
      case 'takeRipe':
        return this.takeRipe(operation);
      case 'endSet':
        return this.endSet(operation);
      case 'reclaim':
        return this.both((broker) => broker.reclaimSets(this.name, ALL));
      case 'nameGroups':
        return this.both((broker) => broker.nameLostGroups(this.name, ALL));
      case 'awaitSizes':
        return this.both((broker) => broker.awaitSizes(this.name, [operation.size]));
      case 'writeProgress': {
        const { claim, message } = this.claimed(operation.claim);
        return this.both((broker) => broker.writeProgress(message, claim, operation.progress));
      }
      case 'noteAlone': {
        const { claim, message } = this.claimed(operation.claim);
        return this.both((broker) => broker.noteAlone(message, claim, operation.isAlone));
      }
      case 'await':
        return this.both((broker) => broker.awaitTask(this.name, operation.id));
      case 'requestCancel':
        return this.both(async (broker) => ({
          isWritten: await broker.requestCancel(this.name, operation.id, operation.outcome),
          outcome: await broker.requestedOutcome(this.name, operation.id),
        }));
      case 'repair':
        return this.both((broker) => broker.repair(this.name, ALL));
      case 'deleteCompleted':
        return this.both((broker) => broker.deleteExpiredCompleted(this.name, operation.limit));
      case 'trimArchived':
        return this.both((broker) => broker.trimArchived(this.name, operation, operation.limit));
      case 'pause':
        return this.both((broker) => broker.pause(this.name));
      case 'unpause':
        return this.both((broker) => broker.unpause(this.name));
      case 'list':
        return this.list(operation);
      case 'move': {
        const { list, ids, to, near } = operation;
        return this.both((broker) => broker.moveTasks(this.name, list, ids, to, { near }));
      }
      case 'noteTasks': {
        const [, { entries }] = await this.both((broker) => broker.scanIds(this.name, operation.list, undefined, ALL));
        this.noted = { list: operation.list, entries };
        return [undefined, undefined];
      }
      case 'moveNoted': {
        const { list, entries } = this.noted;
        const [ids, stamps] = [entries.map(({ id }) => id), entries.map(({ stamp }) => stamp)];
        return this.both((broker) => broker.moveTasks(this.name, list, ids, operation.to, { stamps }));
      }
      case 'reschedule': {
        const atMs = this.clock.nowMs() + operation.delayMs;
        return this.both((broker) => broker.reschedule(this.name, operation.list, operation.id, atMs));
      }
      case 'updatePayload':
        return this.both((broker) => broker.updatePayload(this.name, operation.id, operation.payload));
      case 'removeQueue':
        return this.removeQueue(operation.withEverything);
      case 'inspect':
        return this.both(async (broker) => ({
          task: await broker.findTask(this.name, operation.id),
          stats: await broker.queueStats(this.name),
          waiting: await broker.waitingQueues([this.name]),
          groups: await allGroups(broker, this.name),
          schedules: await broker.schedules(this.name),
          schedule: await broker.findSchedule(this.schedule),
          haveSchedules: (await broker.scheduleQueues()).includes(this.name),
        }));
    }
  }

  private both<T>(act: (broker: Broker) => Promise<T>): Promise<Replies<T>> {
    return Promise.all([act(this.memory.broker), act(this.redis.broker)]);
  }

  private async addTask(past: Past): Promise<void> {
    const task: TaskWithAPast = TASKS_WITH_A_PAST[past](`past-${this.addedTasks++}`, this.clock.nowMs());
    for (const queue of [this.memory, this.redis]) {
      await queue.seed(task.seed ?? {});
      await queue.inject(task.injection ?? {});
    }
  }

  private enqueue({ tasks, delayMs }: OperationOf<'enqueue'>): Promise<Replies> {
    const processAtMs = delayMs === undefined ? undefined : this.clock.nowMs() + delayMs;
    const newTasks = tasks.map((task) => this.newTask(task, processAtMs));
    return this.both((broker) => broker.enqueue(newTasks));
  }

  private get schedule() {
    return { queue: this.name, name: 'schedule' };
  }

  private async fireTick({ spec, isStale, task, delayMs }: OperationOf<'fireTick'>): Promise<Replies> {
    const [stored] = await this.memory.broker.schedules(this.name);
    const claimedMs = (stored?.claimedMs ?? 0) - Number(isStale);
    const tickMs = this.clock.nowMs();
    const processAtMs = delayMs === undefined ? undefined : tickMs + delayMs;
    const tick = {
      ...this.schedule,
      spec,
      template: stored?.template ?? { message: this.memory.message('') },
      claimedMs,
      tickMs,
      task: this.newTask({ ...task, group: undefined }, processAtMs),
    };
    return this.both((broker) => broker.fireTick(tick));
  }

  private newTask(
    { id, lock, group, payload, retentionS, backoff }: OperationOf<'enqueue'>['tasks'][number],
    processAtMs: number | undefined,
  ): NewTask {
    const uniqueKey = lock === undefined ? '' : `asynq:{${this.name}}:unique:test:task:${lock}`;
    const message = this.memory.message(id, { payload, retentionS, uniqueKey, groupKey: group ?? '' });
    return { message, processAtMs, uniqueTtlS: lock === undefined ? undefined : LOCK_TTL_S, backoff };
  }

  /** The ids of sets are random. */
  private async takeRipe({ group, limits }: OperationOf<'takeRipe'>): Promise<Replies> {
    const [memory, redis] = await this.both((broker) => broker.takeRipe(this.name, group, limits));
    if (!memory || !redis) return [memory, redis];
    this.sets.unshift([memory, redis]);
    return [
      { ...memory, setId: '' },
      { ...redis, setId: '' },
    ];
  }

  private async endSet({ nth, how, task, delayMs }: OperationOf<'endSet'>): Promise<Replies> {
    const sets = this.sets[nth % this.sets.length];
    if (!sets) return [undefined, undefined];
    const newTask = this.newTask(task, delayMs === undefined ? undefined : this.clock.nowMs() + delayMs);
    const end = (broker: Broker, set: AggregationSet): Promise<unknown> => {
      if (how === 'finish') return broker.finishSet(this.name, set, newTask);
      if (how === 'return') return broker.returnSet(this.name, set);
      return broker.archiveMembers(this.name, set, set.tasks.slice(0, 1));
    };
    return Promise.all([end(this.memory.broker, sets[0]), end(this.redis.broker, sets[1])]);
  }

  private async fetch(limit: number): Promise<Replies> {
    const replies = await this.both((broker) => broker.fetch(this.name, limit, LEASE_MS));
    const [{ tasks }] = replies;
    this.held.unshift(...tasks.map((task) => ({ message: task.message, claim: this.memory.claim(task) })));
    return replies;
  }

  private async extend({ claims, byS }: OperationOf<'extend'>): Promise<Replies> {
    const held = distinct(claims.map((claim) => this.claimed(claim)));
    const expiresAtS = Math.ceil((this.clock.nowMs() + LEASE_MS) / 1000) + byS;
    const leases = held.map(({ claim }) => claim);
    const replies = await this.both((broker) => broker.extendLeases(this.name, leases, expiresAtS));
    this.held.unshift(...held.map(({ message }) => ({ message, claim: { id: message.id, expiriesS: [expiresAtS] } })));
    return replies;
  }

  private async settle({ ends }: OperationOf<'settle'>): Promise<Replies> {
    const settlements = distinct(
      ends.map(({ claim, outcome }) => ({ ...this.claimed(claim), outcome: this.outcome(outcome) })),
    );
    const replies = await this.both((broker) => broker.settle(this.name, settlements));
    settlements.forEach(({ claim }, at) => replies[0][at] === 'settled' && this.putLast(claim));
    return replies;
  }

  private async recover(operation: OperationOf<'recover'>): Promise<Replies> {
    const [memory, redis] = await this.both((broker) => broker.recoverExpired(this.name, operation));
    const comparable = ({ recovered, nextExpiryAtMs }: typeof memory) => ({
      // The order of reports is irrelevant; the order in which tasks run is in the dump.
      recovered: [...recovered].sort((a, b) => (a.message.id < b.message.id ? -1 : 1)),
      nextExpiryAtMs: this.notBeforeNow(nextExpiryAtMs),
    });
    return [comparable(memory), comparable(redis)];
  }

  /** Memory knows the next due time exactly; for a future second, Redis may return its start. */
  private async forward(limit: number): Promise<Replies> {
    const [memory, redis] = await this.both((broker) => broker.forwardDue(this.name, limit));
    if (memory.moved >= limit) return [memory.moved, redis.moved];
    const [exactMs, redisMs] = [memory, redis].map(({ nextDueAtMs }) => this.notBeforeNow(nextDueAtMs));
    if (exactMs === undefined || exactMs <= Math.ceil(this.clock.nowMs() / 1000) * 1000) {
      return [
        { moved: memory.moved, nextDueAtMs: exactMs },
        { moved: redis.moved, nextDueAtMs: redisMs },
      ];
    }
    expect(redisMs).toBeLessThanOrEqual(exactMs);
    expect(redisMs).toBeGreaterThan(exactMs - 1_000);
    return [memory.moved, redis.moved];
  }

  /** Redis sorts tasks due in the same second by their ids, memory by the millisecond. */
  private list({ list }: OperationOf<'list'>): Promise<Replies> {
    const byId = <T>(tasks: readonly T[], idOf: (task: T) => string): T[] =>
      list.state === 'scheduled' || list.state === 'retry'
        ? tasks.toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
        : [...tasks];
    return this.both(async (broker) => {
      const scan = await broker.scanTasks(this.name, list, undefined, ALL);
      const scanned = scan.tasks.map(({ task, atMs, stamp }) => ({ task, atMs, stamp }));
      return {
        entries: byId((await broker.scanIds(this.name, list, undefined, ALL)).entries, ({ id }) => id),
        tasks: byId(await broker.listTasks(this.name, list, 0, ALL), ({ message }) => message.id),
        scanned: byId(scanned, ({ task }) => task.message.id),
        looked: scan.scanned,
        size: await broker.listSize(this.name, list),
        groups: await broker.groupSizes(this.name),
        days: await broker.dailyCounts(this.name, 2),
      };
    });
  }

  private async removeQueue(withEverything: boolean): Promise<Replies> {
    return this.both(async (broker) => {
      if (!withEverything) return broker.removeQueue(this.name);
      await broker.purgeQueue(this.name); // the number of keys depends on the broker
      return undefined;
    });
  }

  /** Overdue counts as due now: the delay is irrelevant. */
  private notBeforeNow(atMs: number | undefined): number | undefined {
    return atMs === undefined ? undefined : Math.max(atMs, this.clock.nowMs());
  }

  private claimed({ nth, isForged }: Claim): Held {
    const held = this.held[nth % this.held.length];
    if (!held) return { message: this.memory.message('never-leased'), claim: { id: 'never-leased', expiriesS: [7] } };
    return isForged ? { ...held, claim: { ...held.claim, expiriesS: [7] } } : held;
  }

  private putLast(claim: Held['claim']): void {
    const at = this.held.findIndex((held) => held.claim === claim);
    if (at >= 0) this.held.push(...this.held.splice(at, 1));
  }

  private outcome(end: EndOutcome): Settlement['outcome'] {
    if (end.kind !== 'retry') return end;
    const { delayMs, unknownForMs, ...rest } = end;
    const nowMs = this.clock.nowMs();
    const unknownTypeSinceMs = unknownForMs === undefined ? undefined : nowMs - unknownForMs;
    return { ...rest, retryAtMs: nowMs + delayMs, unknownTypeSinceMs };
  }
}

/** A server names each task once in a call. */
function distinct<T extends Held>(held: readonly T[]): T[] {
  return [...new Map(held.map((one) => [one.claim.id, one])).values()];
}

/** Fast when they are equal, as nearly always; readable when they are not. */
function expectEqual(redis: unknown, memory: unknown, what: string): void {
  const [actual, expected] = [structuredClone(redis), structuredClone(memory)]; // a clone turns Buffers into plain bytes
  if (!isDeepStrictEqual(actual, expected)) expect(actual, what).toEqual(expected);
}
