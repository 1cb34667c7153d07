import { describe, expect, it, vi } from 'vitest';
import { Pulse, possibleExpiriesS, SharedLeases } from './shared-leases.js';

const A = 1_700_000_030;
const B = 1_700_000_035;
const C = 1_700_000_040;
/** The lease until `A` runs. */
const NOW_MS = 1_700_000_000_000;

function leaseAt(confirmedS: number, announcedS: number) {
  const lease = SharedLeases.of([confirmedS]).lease(0);
  const next = new Pulse(10_000);
  next.announce(announcedS);
  return { lease, next };
}

describe('SharedLeases', () => {
  it('keeps the leases of a batch apart, and is the same through its buffer', () => {
    const leases = SharedLeases.of([A, B, C]);

    leases.lease(1).propose(C);
    leases.lease(2).end();

    const elsewhere = new SharedLeases(leases.buffer);
    const seen = [0, 1, 2].map((index) => elsewhere.lease(index));
    expect(seen.map((lease) => [lease.confirmedS, lease.pendingS, lease.hasEnded])).toEqual([
      [A, 0, false],
      [B, C, false],
      [C, 0, true],
    ]);
  });

  it('holds times far beyond 2038', () => {
    const far = 4_200_000_000;

    expect(SharedLeases.of([far]).lease(0).confirmedS).toBe(far);
  });
});

describe('possibleExpiriesS', () => {
  it('names the score that the next beat will write', () => {
    const { lease, next } = leaseAt(A, B);

    expect(possibleExpiriesS(lease, next, NOW_MS)).toEqual([A, B]);
  });

  it('names one score when the next beat will not extend a lease that new', () => {
    const { lease, next } = leaseAt(B, B);

    expect(possibleExpiriesS(lease, next, NOW_MS)).toEqual([B]);
  });

  it('names both scores while the outcome of an extension is unknown, not what is announced after it', () => {
    const { lease, next } = leaseAt(A, B);

    lease.propose(B);
    next.announce(C);

    expect(possibleExpiriesS(lease, next, NOW_MS)).toEqual([A, B]);
  });

  it('names no score of a beat to come when the lease is over: another server may have written it', () => {
    const { lease, next } = leaseAt(A, C);

    expect(possibleExpiriesS(lease, next, A * 1000 - 1)).toEqual([A, C]);
    expect(possibleExpiriesS(lease, next, A * 1000)).toEqual([A]);
  });

  it('still names a score that may lie in Redis when the lease is over', () => {
    const { lease, next } = leaseAt(A, B);

    lease.propose(B);

    expect(possibleExpiriesS(lease, next, A * 1000)).toEqual([A, B]);
  });

  it.each(['before', 'after'])(
    'names the score in Redis however a beat, announced %s its reply, and a claim interleave',
    (order) => {
      // The stores of a real beat: propose, announce, (Redis takes B), confirm. Then the claim's reads among them.
      const { lease, next } = leaseAt(A, B);
      const words = new Map(
        [...Object.entries({ lease, next })].map(([name, cell]) => [Reflect.get(cell, 'words'), name]),
      );
      const stores: (readonly [string, number, number])[] = [];
      const store = vi.spyOn(Atomics, 'store').mockImplementation(((
        array: Uint32Array,
        index: number,
        value: number,
      ) => {
        stores.push([words.get(array)!, index, value]);
        return (array[index] = value);
      }) as typeof Atomics.store);
      lease.propose(B);
      if (order === 'before') next.announce(C);
      stores.push(['redis', 0, B]);
      lease.confirm();
      if (order === 'after') next.announce(C);
      store.mockRestore();
      expect(stores).toHaveLength(5);

      for (let first = 0; first <= stores.length; first++) {
        for (let second = first; second <= stores.length; second++) {
          for (let third = second; third <= stores.length; third++) {
            const claim = claimDuring(stores, [first, second, third]);
            expect(claim.expiriesS, `reads after ${first}, ${second}, ${third} stores`).toEqual(
              expect.arrayContaining(claim.scoresFromThenOn),
            );
          }
        }
      }
    },
  );
});

/** Makes a claim whose three reads come after so many stores each. */
function claimDuring(stores: readonly (readonly [string, number, number])[], readsAfter: readonly number[]) {
  const memory: Record<string, number[]> = { lease: [A, 0, 0], next: [B], redis: [A] };
  let reads = 0;
  let done = 0;
  const read = (name: string, index: number): number => {
    const until = readsAfter[reads++]!;
    for (; done < until; done++) apply();
    return memory[name]![index]!;
  };
  const apply = (): void => {
    const [name, index, value] = stores[done]!;
    memory[name]![index] = value;
  };
  const lease = {
    get confirmedS() {
      return read('lease', 0);
    },
    get pendingS() {
      return read('lease', 1);
    },
  };
  const next = {
    get expiresAtS() {
      return read('next', 0);
    },
  };
  const expiriesS = possibleExpiriesS(lease, next, NOW_MS);
  const scoresFromThenOn = [memory['redis']![0]!];
  for (; done < stores.length; done++) {
    apply();
    scoresFromThenOn.push(memory['redis']![0]!);
  }
  return { expiriesS, scoresFromThenOn: [...new Set(scoresFromThenOn)] };
}

describe('Pulse', () => {
  it('is not beating again before the first late beat has ended: only then is it known which leases are ours', () => {
    const pulse = new Pulse(10_000);
    pulse.note(NOW_MS);
    const lateMs = NOW_MS + 60_000;

    const seen = [pulse.isBeating(lateMs)];
    pulse.begin(lateMs);
    seen.push(pulse.isBeating(lateMs));
    pulse.note(lateMs + 1);
    seen.push(pulse.isBeating(lateMs + 1));

    expect(seen).toEqual([false, false, true]);
  });
});
