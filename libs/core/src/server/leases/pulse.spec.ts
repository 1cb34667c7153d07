import { describe, expect, it, vi } from 'vitest';
import { LeaseRecord, LeaseSegment } from './lease-record.js';
import { Pulse, possibleExpiriesS } from './pulse.js';

const A = 1_700_000_030;
const B = 1_700_000_035;
const C = 1_700_000_040;
/** Words of a record. */
const CONFIRMED = 2;
const PENDING = 3;
/** The lease until `A` runs. */
const NOW_MS = 1_700_000_000_000;

function leaseAt(confirmedS: number, announcedS: number) {
  const lease = new LeaseRecord(new LeaseSegment(), 0);
  lease.write({ key: 1, id: 'a', queue: 0, leaseExpiresAtS: confirmedS, returnAtMs: undefined, endsAtMs: Infinity });
  const next = new Pulse(10_000);
  next.announce(announcedS);
  return { lease, next };
}

describe('possibleExpiriesS', () => {
  it('names the score that the next beat will write', () => {
    const { lease, next } = leaseAt(A, B);

    expect(possibleExpiriesS(lease, next, NOW_MS)).toEqual([A, B]);
  });

  it('names one score when the lease is too new for the next beat to extend', () => {
    const { lease, next } = leaseAt(B, B);

    expect(possibleExpiriesS(lease, next, NOW_MS)).toEqual([B]);
  });

  it('names both scores while the outcome of an extension is unknown, not the score announced after it', () => {
    const { lease, next } = leaseAt(A, B);

    lease.propose(B);
    next.announce(C);

    expect(possibleExpiriesS(lease, next, NOW_MS)).toEqual([A, B]);
  });

  it('does not name the score of the next beat when the lease has ended: another server may have written it', () => {
    const { lease, next } = leaseAt(A, C);

    expect(possibleExpiriesS(lease, next, A * 1000 - 1)).toEqual([A, C]);
    expect(possibleExpiriesS(lease, next, A * 1000)).toEqual([A]);
  });

  it('still names a score that may be in Redis when the lease has ended', () => {
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
      lease.confirm(B);
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

/** Makes a claim whose three reads each come after the given number of stores. */
function claimDuring(stores: readonly (readonly [string, number, number])[], readsAfter: readonly number[]) {
  const memory: Record<string, Record<number, number>> = {
    lease: { [CONFIRMED]: A, [PENDING]: 0 },
    next: { 0: B },
    redis: { 0: A },
  };
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
      return read('lease', CONFIRMED);
    },
    get pendingS() {
      return read('lease', PENDING);
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
  it('does not count as beating before the first late beat has ended: only then is it known which leases are ours', () => {
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

describe('Pulse, of the watch of held tasks', () => {
  it('wakes the watch once when a held task is added while it rests', () => {
    const pulse = new Pulse(10_000);

    const wakes = [pulse.resumeWatch()];
    pulse.restWatch();
    wakes.push(pulse.resumeWatch(), pulse.resumeWatch());

    expect(wakes).toEqual([false, true, false]);
  });
});
