import type { Injection, Seed } from '../support/test-queue.js';

/** A task to put into a queue: its normal form, and its differences. */
export interface TaskWithAPast {
  readonly seed?: Seed;
  readonly injection?: Injection;
}

const GARBAGE = Uint8Array.from([0xff, 0xff]);

/** Later than any step of a test: which call drops a due id without a task is up to the broker. */
const NEVER_S = 10 * 365 * 86_400;

const nextS = (nowMs: number): number => Math.ceil(nowMs / 1000) + 1;

/** Tasks as left by other programs, crashes and old versions: fresh tasks by their state. */
export const TASKS_WITH_A_PAST = {
  pendingWithoutHash: (id) => ({ injection: { nextUp: [id] } }),
  scheduledStub: (id, nowMs) => ({
    injection: { scheduled: { [id]: nextS(nowMs) + NEVER_S }, tasks: { [id]: { state: 'scheduled' } } },
  }),
  retryStub: (id, nowMs) => ({
    injection: { retry: { [id]: nextS(nowMs) + NEVER_S }, tasks: { [id]: { state: 'retry' } } },
  }),
  archivedWithoutHash: (id, nowMs) => ({ injection: { archived: { [id]: nextS(nowMs) } } }),
  completedWithoutHash: (id, nowMs) => ({ injection: { completed: { [id]: nextS(nowMs) } } }),
  activeWithoutHash: (id, nowMs) => ({ injection: { active: [id], leases: { [id]: nextS(nowMs) } } }),
  activeWithoutLease: (id) => ({ seed: { active: [id] }, injection: { leases: { [id]: undefined } } }),
  leaseWithoutHash: (id, nowMs) => ({ injection: { leases: { [id]: nextS(nowMs) } } }),
  garbagePending: (id) => ({ seed: { pending: [id] }, injection: { tasks: { [id]: { msg: GARBAGE } } } }),
  garbageActive: (id) => ({ seed: { active: [id] }, injection: { tasks: { [id]: { msg: GARBAGE } } } }),
  garbageScheduled: (id) => ({
    seed: { scheduled: { [id]: '1.5s' } },
    injection: { tasks: { [id]: { msg: GARBAGE } } },
  }),
  foreignPending: (id) => ({ seed: { pending: [id], messages: { [id]: { queue: 'another', id: 'another' } } } }),
  crashedPending: (id, nowMs) => ({
    seed: { pending: [id] },
    injection: { tasks: { [id]: { crashes: '1 0 0', unknownSinceMs: `${nowMs - 1} 0 0` } } },
  }),
  groupMemberRetried: (id) => ({
    seed: { retry: { [id]: '1.5s' } },
    injection: { tasks: { [id]: { group: 'digest' } } },
  }),
  withoutExactTime: (id, nowMs) => ({
    seed: { retry: { [id]: '1s' } },
    injection: { retry: { [id]: nextS(nowMs) }, tasks: { [id]: { dueAtMs: undefined } } },
  }),
  staleExactTime: (id, nowMs) => ({
    seed: { retry: { [id]: '1s' } },
    injection: { retry: { [id]: nextS(nowMs) }, tasks: { [id]: { dueAtMs: nowMs - 60_000 } } },
  }),
} satisfies Record<string, (id: string, nowMs: number) => TaskWithAPast>;

export type Past = keyof typeof TASKS_WITH_A_PAST;
