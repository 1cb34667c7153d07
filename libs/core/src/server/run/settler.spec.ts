import { describe, expect, it, vi } from 'vitest';
import type { Outcome, SettleReply, Settlement } from '../../broker/contract/settle.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { type Logger, silentLogger } from '../../runtime/logger.js';
import { FakeClock } from '../../testing/fake-clock.js';
import { FakeLease } from '../../testing/fake-lease.js';
import type { TaskMessage } from '../../wire/task-message.js';
import { Settler } from './settler.js';

const away = new RedisCommandError('settle', true, { cause: new Error('socket closed') });
const refused = new RedisCommandError('settle', false, { cause: new Error('ERR no') });

const DONE: Outcome = { kind: 'done' };
const SLOTS = 10;

/** A settler over calls that the test answers by hand. */
function prepare() {
  const clock = new FakeClock();
  const logger = { ...silentLogger, warn: vi.fn<Logger['warn']>(), error: vi.fn<Logger['error']>() };
  const calls: {
    readonly ids: string[];
    readonly proofs: (readonly number[])[];
    reply(replies?: SettleReply[]): void;
    fail(error: Error): void;
  }[] = [];
  const settle = (_queue: string, settlements: readonly Settlement[]): Promise<SettleReply[]> =>
    new Promise((resolve, reject) => {
      const ids = settlements.map(({ message }) => message.id);
      const proofs = settlements.map(({ claim }) => claim.expiriesS);
      calls.push({ ids, proofs, reply: (replies = ids.map(() => 'settled')) => resolve(replies), fail: reject });
    });
  const settler = new Settler({ settle }, SLOTS, { clock, logger });
  const replies: Record<string, string> = {};
  const hand = (id: string, { queue = 'q', leaseMs = 30_000, outcome = DONE } = {}): FakeLease => {
    const lease = new FakeLease({ id, expiriesS: [1] }, clock.nowMs() + leaseMs);
    const message = { id, queue, type: 't' } as TaskMessage;
    settler.settle({ message, lease, outcome, onSettled: (reply) => (replies[id] = reply) });
    return lease;
  };
  /** Hands an outcome over, and lets happen what then can. */
  const add = async (...args: Parameters<typeof hand>): Promise<FakeLease> => {
    const lease = hand(...args);
    await clock.advance(0);
    return lease;
  };
  return { settler, hand, clock, logger, calls, replies, add };
}

describe('Settler', () => {
  it('sends the first outcome at once, and those that arrive meanwhile together', async () => {
    const { calls, clock, add, replies } = prepare();
    await add('a');
    await add('b');
    await add('c');
    const before = calls.map(({ ids }) => ids);

    calls[0]!.reply();
    await clock.advance(0);

    expect(before).toEqual([['a']]);
    expect(calls.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']]);
    expect(replies).toEqual({ a: 'settled' });
  });

  it('sends together what ends together', async () => {
    const { calls, clock, hand } = prepare();

    for (const id of ['a', 'b', 'c']) hand(id);
    await clock.advance(0);

    expect(calls.map(({ ids }) => ids)).toEqual([['a', 'b', 'c']]);
  });

  it('does not let one queue wait for another', async () => {
    const { calls, add } = prepare();

    await add('a', { queue: 'one' });
    await add('b', { queue: 'two' });

    expect(calls.map(({ ids }) => ids)).toEqual([['a'], ['b']]);
  });

  it('ends the lease when the outcome is stored, not before', async () => {
    const { calls, clock, add } = prepare();
    const lease = await add('a');
    const before = lease.hasEnded;

    calls[0]!.reply();
    await clock.advance(0);

    expect(before).toBe(false);
    expect(lease.hasEnded).toBe(true);
  });

  it('repeats a call that failed, after a pause, with what arrived meanwhile', async () => {
    const { calls, clock, add } = prepare();
    await add('a');
    calls[0]!.fail(away);
    await clock.advance(0);
    await add('b');
    const during = calls.length;

    await clock.advance(50);

    expect(during).toBe(1);
    expect(calls[1]!.ids).toEqual(['a', 'b']);
  });

  it('takes leaseLost after a lost reply for settled, and reports it otherwise', async () => {
    const { calls, clock, add, replies, logger } = prepare();
    await add('repeated');
    calls[0]!.fail(away);
    await clock.advance(0);
    await add('lost');
    await clock.advance(50);

    calls[1]!.reply(['leaseLost', 'leaseLost']);
    await clock.advance(0);

    expect(replies).toEqual({ repeated: 'settled', lost: 'leaseLost' });
    expect(logger.warn).toHaveBeenCalledExactlyOnceWith(
      expect.any(String),
      expect.objectContaining({ taskId: 'lost' }),
    );
  });

  it('asks again with the new score when the lease was extended before a late call', async () => {
    const { calls, clock, add, replies } = prepare();
    const late = await add('late');
    calls[0]!.fail(away);
    await clock.advance(50);
    late.extendTo(7);
    calls[1]!.reply(['leaseLost']);
    const during = { ...replies };
    await clock.advance(100);

    calls[2]!.reply();
    await clock.advance(0);

    expect(during).toEqual({});
    expect(calls.map(({ proofs }) => proofs)).toEqual([[[1]], [[1]], [[7]]]);
    expect(replies).toEqual({ late: 'settled' });
  });

  it('takes a refusal for the last word when the lease is known to be lost, or was not extended', async () => {
    const { calls, clock, add, replies } = prepare();
    const lost = await add('lost');
    lost.extendTo(7);
    lost.lose();

    calls[0]!.reply(['leaseLost']);
    await clock.advance(0);
    await add('unextended');
    calls[1]!.reply(['leaseLost']);
    await clock.advance(1_000);

    expect(calls).toHaveLength(2);
    expect(replies).toEqual({ lost: 'leaseLost', unextended: 'leaseLost' });
  });

  it('gives up when the lease ends', async () => {
    const { calls, clock, add, replies, logger } = prepare();
    const lease = await add('a', { leaseMs: 1_000 });

    calls[0]!.fail(away);
    await clock.advance(50);
    calls[1]!.fail(away);
    await clock.advance(1_000);
    calls[2]!.fail(away);
    await clock.advance(1_000);

    expect(replies).toEqual({ a: 'givenUp' });
    expect(lease.hasEnded).toBe(true);
    expect(calls).toHaveLength(3);
    expect(logger.error).toHaveBeenCalledOnce();
  });

  it('sends each alone when Redis refuses the batch, so that one bad task costs only itself', async () => {
    const { calls, clock, add, replies } = prepare();
    await add('first');
    for (const id of ['good', 'bad', 'fine']) await add(id);
    calls[0]!.reply();
    await clock.advance(0);
    calls[1]!.fail(refused);

    for (let next = 2; next < 5; next++) {
      await clock.advance(0);
      if (calls[next]!.ids[0] === 'bad') calls[next]!.fail(refused);
      else calls[next]!.reply();
    }
    await clock.advance(0);

    expect(replies).toEqual({ first: 'settled', good: 'settled', bad: 'givenUp', fine: 'settled' });
  });
});

describe('Settler, after a lost reply', () => {
  it('does not take leaseLost for settled once the lease is over: the task may have been recovered', async () => {
    const { calls, clock, add, replies } = prepare();
    await add('a', { leaseMs: 60 });
    calls[0]!.fail(away);
    await clock.advance(50);
    await clock.advance(20);

    calls[1]!.reply(['leaseLost']);
    await clock.advance(0);

    expect(replies).toEqual({ a: 'leaseLost' });
  });
});

describe('Settler, bounding what is unstored', () => {
  it('counts the outcomes that wait for a call, and tells when there are fewer', async () => {
    const { settler, calls, clock, add } = prepare();
    const waiting: number[] = [];
    for (const id of ['sent', 'b', 'c']) await add(id);
    settler.onRoom = () => waiting.push(settler.waiting);
    const before = settler.waiting;

    calls[0]!.reply();
    await clock.advance(0);

    expect(before).toBe(2);
    expect(waiting).toEqual([0]);
  });

  it('does not count those of a queue whose call is not answered, and leaves it no more room than slots', async () => {
    const { settler, calls, clock, add } = prepare();
    for (const id of ['sent', 'b', 'c', 'd']) await add(id);
    let told = 0;
    settler.onRoom = () => told++;
    const roomBefore = settler.room('q');

    await clock.advance(100);
    const during = { waiting: settler.waiting, room: settler.room('q'), other: settler.room('other'), told };
    calls[0]!.reply();
    await clock.advance(0);

    expect(roomBefore).toBe(Infinity);
    expect(during).toEqual({ waiting: 0, room: SLOTS - 4, other: Infinity, told: 1 });
    expect(settler.room('q')).toBe(Infinity);
    expect(told).toBeGreaterThan(1);
  });

  it('leaves a queue whose calls fail no more room than slots until one is answered', async () => {
    const { settler, calls, clock, add } = prepare();
    await add('a');
    calls[0]!.fail(away);
    await clock.advance(0);
    const during = settler.room('q');
    await clock.advance(50);
    calls[1]!.reply();
    await clock.advance(0);

    expect(during).toBe(SLOTS - 1);
    expect(settler.room('q')).toBe(Infinity);
  });
});

describe('Settler, giving tasks back', () => {
  const REQUEUE: Outcome = { kind: 'requeue' };

  it('sends those that are to run first last, as each call puts its tasks ahead of all others', async () => {
    const { calls, clock, hand } = prepare();
    const ids = Array.from({ length: 1_200 }, (_, at) => `task-${at}`);
    for (const id of ids) hand(id, { outcome: REQUEUE });
    await clock.advance(0);

    for (let call = 0; call < 3; call++) {
      calls[call]!.reply();
      await clock.advance(0);
    }

    expect(calls.map((call) => call.ids)).toEqual([ids.slice(700), ids.slice(200, 700), ids.slice(0, 200)]);
  });

  it('keeps the order when a call fails', async () => {
    const { calls, clock, hand } = prepare();
    for (const id of ['a', 'b', 'c']) hand(id, { outcome: REQUEUE });
    await clock.advance(0);
    calls[0]!.fail(away);

    await clock.advance(50);

    expect(calls[1]!.ids).toEqual(['a', 'b', 'c']);
  });
});

describe('Settler.flush', () => {
  it('waits until everything is stored', async () => {
    const { settler, calls, clock, add, replies } = prepare();
    await add('a');
    await add('b');
    const flushed = settler.flush(5_000);

    calls[0]!.reply();
    await clock.advance(0);
    const early = await Promise.race([flushed.then(() => 'flushed'), Promise.resolve('waiting')]);
    calls[1]!.reply();
    await flushed;

    expect(early).toBe('waiting');
    expect(replies).toEqual({ a: 'settled', b: 'settled' });
  });

  it('gives up what Redis has not taken in time, and ends', async () => {
    const { settler, calls, clock, add, replies } = prepare();
    await add('in flight');
    await add('waiting');
    let isOver = false;
    const flushed = settler.flush(1_000).then(() => (isOver = true));

    await clock.advance(999);
    const early = isOver;
    await clock.advance(1);
    await flushed;
    calls[0]!.fail(away);
    await clock.advance(0);

    expect(early).toBe(false);
    expect(replies).toEqual({ waiting: 'givenUp', 'in flight': 'givenUp' });
    expect(calls).toHaveLength(1);
  });

  it('goes on for as long as calls are answered', async () => {
    const { settler, calls, clock, hand, replies } = prepare();
    for (let at = 0; at < 2_000; at++) hand(`task-${at}`);
    await clock.advance(0);
    const flushed = settler.flush(1_000);

    for (let call = 0; call < 4; call++) {
      await clock.advance(900);
      calls[call]!.reply();
      await clock.advance(0);
    }
    await flushed;

    expect(Object.values(replies)).toEqual(Array.from({ length: 2_000 }, () => 'settled'));
  });

  it('has nothing to wait for when nothing is unsettled', async () => {
    const { settler } = prepare();

    await expect(settler.flush(1_000)).resolves.toBeUndefined();
  });
});
