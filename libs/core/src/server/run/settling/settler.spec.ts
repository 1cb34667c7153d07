import { describe, expect, it, vi } from 'vitest';
import type { Outcome, SettleReply, Settlement } from '../../../broker/contract/settle.js';
import { KeyTypeError } from '../../../errors/key-type.error.js';
import { RedisCommandError } from '../../../errors/redis-command.error.js';
import { type Logger, silentLogger } from '../../../runtime/logger.js';
import { FakeClock } from '../../../testing/fake-clock.js';
import { FakeLease } from '../../../test-support/fake-lease.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import { Settler } from './settler.js';

const away = new RedisCommandError('settle', true, { cause: new Error('socket closed') });
const unanswered = new RedisCommandError('settle', true, {
  cause: new Error('socket closed'),
  isOutcomeUnknown: true,
});
const full = new RedisCommandError('settle', false, {
  cause: new Error('OOM command not allowed'),
  isRepairable: true,
});
const refused = new RedisCommandError('settle', false, { cause: new Error('ERR no') });

const oddKey = new KeyTypeError('retry', 'asynq:{q}:retry', 'hash', 'zset');

const DONE: Outcome = { kind: 'done' };
const SLOTS = 10;

/** A settler whose calls the test answers. */
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
  /** Adds an outcome, and lets promises settle. */
  const add = async (...args: Parameters<typeof hand>): Promise<FakeLease> => {
    const lease = hand(...args);
    await clock.advance(0);
    return lease;
  };
  return { settler, hand, clock, logger, calls, replies, add };
}

describe('Settler', () => {
  it('sends the first outcome at once, and those that arrive during the call together', async () => {
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

  it('sends outcomes of one turn together', async () => {
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

  it('repeats a failed call after a delay, together with newer outcomes', async () => {
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

  it('treats leaseLost after a lost reply as settled, and reports it otherwise', async () => {
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

  it('passes on a task that was to return to its queue and is canceled: its lease goes on', async () => {
    const { settler, calls, clock, add, replies, logger } = prepare();
    const onCanceled = vi.fn<Settler['onCanceled']>();
    settler.onCanceled = onCanceled;
    const lease = await add('a', { outcome: { kind: 'requeue' } });

    calls[0]!.reply(['archive']);
    await clock.advance(0);

    expect(onCanceled).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ lease }), 'archive');
    expect([lease.hasEnded, replies]).toEqual([false, { a: 'archive' }]);
    expect(logger.warn).not.toHaveBeenCalled();
  });

  it('repeats a late call with the new score when the lease was extended before it', async () => {
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

  it('accepts a refusal when the lease is known to be lost, or was not extended', async () => {
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

  it('logs one line when the leases of a batch end, whatever its size', async () => {
    const { calls, clock, add, replies, logger } = prepare();
    const ids = Array.from({ length: 15 }, (_, at) => `t${at}`);
    for (const id of ids) await add(id, { leaseMs: 1_000 });

    for (let at = 0; at < calls.length; at++) {
      calls[at]!.fail(away);
      await clock.advance(1_000);
    }

    expect(Object.values(replies)).toEqual(ids.map(() => 'givenUp'));
    const lines = logger.error.mock.calls.map(([, fields]) => fields as { tasks: number; taskIds: string[] });
    expect(lines.length).toBeLessThan(3);
    expect(lines.reduce((sum, { tasks }) => sum + tasks, 0)).toBe(15);
    expect(lines.every(({ taskIds }) => taskIds.length <= 10)).toBe(true);
  });

  it('keeps outcomes until the lease ends when an operator can fix the fault, such as a full Redis', async () => {
    const { calls, clock, add, replies } = prepare();
    await add('kept', { leaseMs: 10_000 });
    await add('short', { leaseMs: 1_000 });

    calls[0]!.fail(full);
    await clock.advance(2_000);
    calls[1]!.fail(full);
    await clock.advance(2_000);
    calls[2]!.reply();
    await clock.advance(0);

    expect(replies).toEqual({ kept: 'settled', short: 'givenUp' });
  });

  it('sends outcomes one by one when Redis refuses the batch, so that a bad task affects no other', async () => {
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
  describe('when a key is of another type', () => {
    const RETRY: Outcome = { kind: 'retry', retryAtMs: 0, error: 'boom', isFailure: true };

    it('stores the outcomes that do not need the key, and the others when it is fixed', async () => {
      const { calls, clock, add, replies, logger } = prepare();
      await add('first');
      await add('done');
      await add('failed', { outcome: RETRY });
      calls[0]!.reply();
      await clock.advance(0);

      calls[1]!.fail(oddKey); // both
      await clock.advance(0);
      calls[2]!.reply(); // done
      await clock.advance(0);
      calls[3]!.fail(oddKey); // failed
      await clock.advance('10s');
      const before = { ...replies };
      calls[4]!.reply();
      await clock.advance(0);

      expect(calls.map(({ ids }) => ids)).toEqual([['first'], ['done', 'failed'], ['done'], ['failed'], ['failed']]);
      expect(before).toEqual({ first: 'settled', done: 'settled' });
      expect(replies).toMatchObject({ failed: 'settled' });
      expect(logger.error).toHaveBeenCalledExactlyOnceWith(
        'cannot store outcomes; retrying while the leases of their tasks last',
        { queue: 'q', outcome: 'retry', outcomes: 1, error: oddKey },
      );
    });

    it('gives an outcome up when the lease ends first', async () => {
      const { calls, clock, add, replies } = prepare();
      await add('failed', { outcome: RETRY, leaseMs: 2_000 });

      for (let at = 0; at < calls.length; at++) {
        calls[at]!.fail(oddKey);
        await clock.advance('1s');
      }

      expect(replies).toEqual({ failed: 'givenUp' });
      expect(calls.length).toBeGreaterThan(1);
    });

    it('treats leaseLost as lost, since no call took effect', async () => {
      const { calls, clock, add, replies } = prepare();
      await add('failed', { outcome: RETRY });
      calls[0]!.fail(oddKey);
      await clock.advance('1s');

      calls[1]!.reply(['leaseLost']);
      await clock.advance(0);

      expect(replies).toEqual({ failed: 'leaseLost' });
    });
  });

  it('does not treat leaseLost as settled once the lease has ended: the task may have been recovered', async () => {
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

describe('Settler, bounding unstored outcomes', () => {
  it('counts the waiting outcomes, and notifies when there are fewer', async () => {
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

  it('does not count those of a queue whose call is not answered, and limits that queue to the number of slots', async () => {
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

  it('limits a queue whose calls fail to the number of slots until a call is answered', async () => {
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

describe('Settler, requeueing tasks', () => {
  const REQUEUE: Outcome = { kind: 'requeue' };

  it('sends the first to run last, since each call puts its tasks at the head', async () => {
    const { calls, clock, hand } = prepare();
    const ids = Array.from({ length: 600 }, (_, at) => `task-${at}`);
    for (const id of ids) hand(id, { outcome: REQUEUE });
    await clock.advance(0);

    for (let call = 0; call < 2; call++) {
      calls[call]!.reply();
      await clock.advance(0);
    }

    expect(calls.map((call) => call.ids)).toEqual([ids.slice(100), ids.slice(0, 100)]);
  });

  it('sends them together with other outcomes, and each kind again if that fails', async () => {
    const { calls, clock, hand } = prepare();
    hand('done');
    hand('back', { outcome: REQUEUE });
    await clock.advance(0);

    calls[0]!.fail(away);
    await clock.advance('1s');

    expect(calls.map((call) => call.ids)).toEqual([
      ['done', 'back'],
      ['done', 'back'],
    ]);
  });

  it('keeps the order when a call fails', async () => {
    const { calls, clock, hand } = prepare();
    for (const id of ['a', 'b', 'c']) hand(id, { outcome: REQUEUE });
    await clock.advance(0);
    calls[0]!.fail(away);

    await clock.advance(50);

    expect(calls[1]!.ids).toEqual(['a', 'b', 'c']);
  });

  it('does not repeat a call that may have given them back: others may run them, under leases of the same second', async () => {
    const { calls, clock, add, hand, replies, logger } = prepare();
    await add('returned', { outcome: REQUEUE });
    hand('done');
    calls[0]!.fail(unanswered);

    await clock.advance(1_000);

    expect(calls.map(({ ids }) => ids)).toEqual([['returned'], ['done']]);
    expect(replies).toEqual({ returned: 'givenUp' });
    expect(logger.error).toHaveBeenCalledTimes(1);
  });

  it('repeats a call that has not reached Redis', async () => {
    const { calls, clock, add } = prepare();
    await add('a', { outcome: REQUEUE });
    calls[0]!.fail(away);

    await clock.advance(50);

    expect(calls.map(({ ids }) => ids)).toEqual([['a'], ['a']]);
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

  it('gives up outcomes that Redis has not stored in time, and ends', async () => {
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

  it('continues as long as calls are answered', async () => {
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

  it('resolves at once when nothing is unsettled', async () => {
    const { settler } = prepare();

    await expect(settler.flush(1_000)).resolves.toBeUndefined();
  });
});
