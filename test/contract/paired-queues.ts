import { isDeepStrictEqual } from 'node:util';
import { FakeClock, type Injection, type Seed, type TestQueue } from '@nestjs-asynq/core/testing';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { BROKEN, Claim, EndOutcome, Operation } from './random-operations.js';

type Broker = TestQueue['broker'];
type LeaseClaim = Parameters<Broker['settle']>[1][number]['claim'];
type Message = ReturnType<TestQueue['message']>;
type RecoverOptions = Parameters<Broker['recoverExpired']>[1];
type Outcome = Parameters<Broker['settle']>[1][number]['outcome'];

/** Longer than all steps of a run together: Redis ends locks by its own clock. */
const LOCK_TTL_S = 30 * 86_400;
const LEASE_MS = 30_000;
/** More than any queue here holds. */
const ALL = 100;

/** Later than any step. */
const NEVER_S = 10 * 365 * 86_400;

interface Held {
  readonly message: Message;
  readonly claim: LeaseClaim;
}

/** Two queues of one name and clock, on two brokers, to which the same things happen. */
export class PairedQueues {
  /** Every lease ever given out, newest first, those of settled tasks last; many are over. */
  private readonly held: Held[] = [];
  private brokenTasks = 0;

  constructor(
    private readonly memory: TestQueue,
    private readonly redis: TestQueue,
    private readonly clock: FakeClock,
  ) {}

  /** Does one thing to both, and compares what they say and everything that they hold then. */
  async step(operation: Operation): Promise<void> {
    const [memorySays, redisSays] = await this.perform(operation);
    const step = fc.stringify(operation);
    expectEqual(redisSays, memorySays, `reply to ${step}`);
    expectEqual(await this.redis.dump(), await this.memory.dump(), `queue after ${step}`);
  }

  private async perform(operation: Operation): Promise<[memory: unknown, redis: unknown]> {
    const { name } = this.memory;
    switch (operation.op) {
      case 'advance':
        await this.clock.advance(operation.byMs);
        return [undefined, undefined];
      case 'breakTask': {
        const { seed, injection } = brokenTask(operation.as, `broken-${this.brokenTasks++}`, this.clock.nowMs());
        for (const queue of [this.memory, this.redis]) {
          await queue.seed(seed);
          await queue.inject(injection);
        }
        return [undefined, undefined];
      }
      case 'fetch': {
        const replies = await this.both((broker) => broker.fetch(name, operation.limit, LEASE_MS));
        const held = replies[0].tasks.map((task) => ({ message: task.message, claim: this.memory.claim(task) }));
        this.held.unshift(...held);
        return replies;
      }
      case 'extend': {
        const claims = distinct(operation.claims.map((claim) => ({ held: this.claimed(claim) }))).map(
          ({ held }) => held,
        );
        const expiresAtS = Math.ceil((this.clock.nowMs() + LEASE_MS) / 1000) + operation.byS;
        const replies = await this.both((broker) => broker.extendLeases(name, claims.map(toClaim), expiresAtS));
        this.held.unshift(
          ...claims.map(({ message }) => ({ message, claim: { id: message.id, expiriesS: [expiresAtS] } })),
        );
        return replies;
      }
      case 'settle': {
        const ends = distinct(operation.ends.map((end) => ({ held: this.claimed(end.claim), outcome: end.outcome })));
        const settlements = ends.map(({ held, outcome }) => ({ ...held, outcome: this.outcome(outcome) }));
        const replies = await this.both((broker) => broker.settle(name, settlements));
        ends.forEach(({ held }, at) => replies[0][at] === 'settled' && this.putLast(held));
        return replies;
      }
      case 'enqueue': {
        const processAtMs = operation.delayMs === undefined ? undefined : this.clock.nowMs() + operation.delayMs;
        const tasks = operation.tasks.map(({ uniqueKey, ...rest }) => ({
          message: this.memory.message(rest.id, {
            ...rest,
            ...(uniqueKey && { uniqueKey: `asynq:{${name}}:unique:test:task:${uniqueKey}` }),
          }),
          processAtMs,
          uniqueTtlS: uniqueKey && LOCK_TTL_S,
        }));
        return this.both((broker) => broker.enqueue(tasks));
      }
      case 'writeResult': {
        const { claim } = this.claimed(operation.claim);
        return this.both((broker) => broker.writeResult(name, claim, operation.result));
      }
      case 'recover':
        return this.recover({ ...operation, limit: ALL });
      case 'forward':
        return this.forward();
      case 'repair':
        return this.both((broker) => broker.repair(name, ALL));
      case 'deleteCompleted':
        return this.both((broker) => broker.deleteExpiredCompleted(name, operation.limit));
      case 'trimArchived':
        return this.both((broker) => broker.trimArchived(name, operation, operation.limit));
      case 'pause':
        return this.both((broker) => broker.pause(name));
      case 'unpause':
        return this.both((broker) => broker.unpause(name));
      case 'inspect':
        return this.both(async (broker) => ({
          task: await broker.findTask(name, operation.id),
          stats: await broker.queueStats(name),
          waiting: await broker.waitingCount(name),
        }));
    }
  }

  private both<T>(act: (broker: Broker) => Promise<T>): Promise<[memory: T, redis: T]> {
    return Promise.all([act(this.memory.broker), act(this.redis.broker)]);
  }

  private async recover(options: RecoverOptions): Promise<[memory: unknown, redis: unknown]> {
    const replies = await this.both((broker) => broker.recoverExpired(this.memory.name, options));
    // The order in which they are reported says nothing; the order in which they run is in the dump.
    const sorted = replies.map(({ recovered, nextExpiryAtMs }) => ({
      recovered: recovered.toSorted((a, b) => (a.message.id < b.message.id ? -1 : 1)),
      nextExpiryAtMs,
    }));
    return [sorted[0], sorted[1]];
  }

  /** Memory knows the next due time exactly; of a second that has not begun, Redis may say the beginning. */
  private async forward(): Promise<[memory: unknown, redis: unknown]> {
    const [memory, redis] = await this.both((broker) => broker.forwardDue(this.memory.name, ALL));
    const exactMs = memory.nextDueAtMs;
    if (exactMs !== undefined && exactMs > Math.ceil(this.clock.nowMs() / 1000) * 1000) {
      expect(redis.nextDueAtMs).toBeLessThanOrEqual(exactMs);
      expect(redis.nextDueAtMs).toBeGreaterThan(exactMs - 1_000);
      return [memory.moved, redis.moved];
    }
    return [memory, redis];
  }

  private claimed({ nth, isForged }: Claim): Held {
    const held = this.held[nth % this.held.length];
    if (!held) return { message: this.memory.message('never-leased'), claim: { id: 'never-leased', expiriesS: [7] } };
    return isForged ? { ...held, claim: { ...held.claim, expiriesS: [7] } } : held;
  }

  private putLast(held: Held): void {
    const at = this.held.indexOf(held);
    if (at >= 0) this.held.push(...this.held.splice(at, 1));
  }

  private outcome(end: EndOutcome): Outcome {
    if (end.kind !== 'retry') return end as Outcome;
    const { delayMs, unknownForMs, error, isFailure } = end as Extract<EndOutcome, { delayMs: number }>;
    const nowMs = this.clock.nowMs();
    return {
      kind: 'retry',
      retryAtMs: nowMs + delayMs,
      error,
      isFailure,
      ...(unknownForMs !== undefined && { unknownTypeSinceMs: nowMs - unknownForMs }),
    };
  }
}

const toClaim = ({ claim }: Held): LeaseClaim => claim;

/** A server names each task once in a call. */
function distinct<T extends { readonly held: Held }>(ends: readonly T[]): T[] {
  return [...new Map(ends.map((end) => [end.held.message.id, end])).values()];
}

/** Fast when they are equal, as nearly always; readable when they are not. */
function expectEqual(redis: unknown, memory: unknown, what: string): void {
  // A clone turns Buffers into plain bytes.
  const [actual, expected] = [structuredClone(redis), structuredClone(memory)];
  if (!isDeepStrictEqual(actual, expected)) expect(actual, what).toEqual(expected);
}

/** A fresh task in a state that no broker of ours leaves behind: a sound seed, and what to spoil in it. */
function brokenTask(as: (typeof BROKEN)[number], id: string, nowMs: number): { seed: Seed; injection: Injection } {
  const dueS = Math.ceil(nowMs / 1000) + 1;
  const garbage = { [id]: { msg: Uint8Array.from([0xff, 0xff]) } };
  switch (as) {
    case 'pendingWithoutHash':
      return { seed: {}, injection: { nextUp: [id] } };
    case 'scheduledStub':
      return { seed: {}, injection: { scheduled: { [id]: dueS - 2 }, tasks: { [id]: { state: 'scheduled' } } } };
    case 'retryStub':
      return { seed: {}, injection: { retry: { [id]: dueS + NEVER_S }, tasks: { [id]: { state: 'retry' } } } };
    case 'archivedWithoutHash':
      return { seed: {}, injection: { archived: { [id]: dueS } } };
    case 'completedWithoutHash':
      return { seed: {}, injection: { completed: { [id]: dueS } } };
    case 'activeWithoutHash':
      return { seed: {}, injection: { active: [id], leases: { [id]: dueS } } };
    case 'activeWithoutLease':
      return { seed: { active: [id] }, injection: { leases: { [id]: undefined } } };
    case 'leaseWithoutHash':
      return { seed: {}, injection: { leases: { [id]: dueS } } };
    case 'garbagePending':
      return { seed: { pending: [id] }, injection: { tasks: garbage } };
    case 'garbageActive':
      return { seed: { active: [id] }, injection: { tasks: garbage } };
    case 'garbageScheduled':
      return { seed: { scheduled: { [id]: 1_500 } }, injection: { tasks: garbage } };
    case 'foreignPending':
      return { seed: { pending: [id], messages: { [id]: { queue: 'another', id: 'another' } } }, injection: {} };
    case 'groupMemberRetried':
      return { seed: { retry: { [id]: 1_500 } }, injection: { tasks: { [id]: { group: 'digest' } } } };
    case 'withoutExactTime':
      return {
        seed: { retry: { [id]: '1s' } },
        injection: { retry: { [id]: dueS }, tasks: { [id]: { dueAtMs: undefined } } },
      };
    case 'staleExactTime':
      return {
        seed: { retry: { [id]: '1s' } },
        injection: { retry: { [id]: dueS }, tasks: { [id]: { dueAtMs: nowMs - 60_000 } } },
      };
  }
}
