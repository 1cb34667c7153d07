import { describe, expect, it, vi } from 'vitest';
import type { Logger } from '../../runtime/logger.js';
import { sleep } from '../../runtime/clock.js';
import { silentLogger } from '../../runtime/logger.js';
import { OptionReader } from '../../runtime/option-reader.js';
import { jsonCodec } from '../../task/payload-codec.js';
import type { TaskEvent } from '../../task/task-event.js';
import { failingBroker } from '../../test-support/failing-broker.js';
import { openMemoryQueue } from '../../test-support/test-queue.js';
import { Aggregator } from './aggregator.js';
import {
  type Aggregate,
  type AggregatedTask,
  type AggregationContext,
  type GroupAggregatorOptions,
  readGroupAggregator,
} from './group-aggregator.js';

/** Lists the payloads of its tasks. */
const list: Aggregate = (group, tasks) => ({
  type: `sum:${group}`,
  payload: tasks.map(({ payload }) => payload),
  options: { taskId: `sum-${String(tasks[0]?.id)}` },
});

const fail = (): never => {
  throw new Error('broken');
};

function openAggregated(given: GroupAggregatorOptions, { isLeader = true, codec = jsonCodec } = {}) {
  const q = openMemoryQueue();
  const broker = failingBroker(q.broker);
  const events: TaskEvent[] = [];
  const log: string[] = [];
  const errors: unknown[] = [];
  const keep = (message: string, fields?: object): void => {
    log.push(message);
    if (fields && 'error' in fields) errors.push(fields.error);
  };
  const logger: Logger = { ...silentLogger, warn: keep, error: keep };
  const plans = readGroupAggregator(new OptionReader({}), given)!;
  const options = {
    plans,
    codec,
    shutdownTimeoutMs: 8_000,
    emit: (event: TaskEvent) => void events.push(event),
  };
  const leadership = { isLeader: () => isLeader };
  const aggregator = new Aggregator(broker, leadership, q.name, options, { clock: q.clock, logger, random: () => 0 });
  /** One check with all its aggregations. */
  const runOnce = async (): Promise<void> => {
    await aggregator.runOnce();
    await aggregator.stop();
  };
  const join = (id: string, payload: unknown = id, group = 'digest') =>
    q.broker.enqueue([{ message: q.message(id, { groupKey: group, payload: jsonCodec.encode(payload) }) }]);
  return { q, clock: q.clock, broker, aggregator, runOnce, events, log, errors, join };
}

describe('Aggregator', () => {
  it.each([8 * 3_600_000, -3_600_000])('continues to take groups when the clock is set by %i ms', async (byMs) => {
    const { clock, aggregator, events, join } = openAggregated({ gracePeriod: '10s', aggregate: list });
    aggregator.start();
    await clock.advance('5s');

    clock.set(clock.nowMs() + byMs);
    await join('a', 1);
    await clock.advance('20s');

    expect(events).toHaveLength(1);
    await aggregator.stop();
  });

  it('combines a group into one task when the grace period is over, to the second', async () => {
    const { q, clock, aggregator, events, join } = openAggregated({ gracePeriod: '10s', aggregate: list });
    aggregator.start();
    await join('a', 1);
    await clock.advance('3s');
    await join('b', 2);

    await clock.advance(9_999);
    const early = (await q.dump()).nextUp;
    await clock.advance(1);

    expect(early).toEqual([]);
    const dump = await q.dump();
    expect([dump.nextUp, dump.groups, dump.aggregationSets]).toEqual([['sum-a'], {}, []]);
    const { message } = dump.tasks['sum-a']!;
    expect(message).toMatchObject({ type: 'sum:digest', queue: q.name, groupKey: '' });
    expect(jsonCodec.decode(message!.payload)).toEqual([1, 2]);
    expect(events).toMatchObject([{ kind: 'enqueued', id: 'sum-a', state: 'pending' }]);
    await aggregator.stop();
  });

  it('passes the group, its tasks and the context to the function', async () => {
    const calls: unknown[][] = [];
    const aggregate: Aggregate = (...args) => (calls.push(args), { type: 'sum' });
    const { q, clock, runOnce } = openAggregated({ gracePeriod: '1s', aggregate });
    const message = q.message('a', {
      groupKey: 'digest',
      payload: jsonCodec.encode({ n: 1 }),
      headers: { trace: 'x' },
    });
    await q.broker.enqueue([{ message }]);
    await clock.advance('1s');

    await runOnce();

    const { type, headers } = message;
    expect(calls).toMatchObject([
      [
        'digest',
        [{ id: 'a', type, headers, payload: { n: 1 } }],
        { queue: q.name, deadline: new Date(clock.nowMs() + 120_000) },
      ],
    ]);
  });

  it('applies the limits and functions of single groups and of prefixes, the longest first', async () => {
    const { q, clock, aggregator, join } = openAggregated({
      gracePeriod: '10s',
      aggregate: list,
      groups: {
        'mail:*': { gracePeriod: '2s' },
        'mail:urgent:*': { maxSize: 1, aggregate: () => ({ type: 'urgent', options: { taskId: 'urgent' } }) },
        'mail:urgent:x': { gracePeriod: '4s' },
      },
    });
    await join('far', 1, 'other');
    await join('near', 1, 'mail:a');
    await join('now', 1, 'mail:urgent:b');
    await join('own', 1, 'mail:urgent:x');
    aggregator.start();

    const seen: (readonly string[])[] = [];
    for (const wait of ['0s', '2s', '2s', '6s'] as const) {
      await clock.advance(wait);
      seen.push((await q.dump()).nextUp);
    }

    expect(seen.map((ids) => ids.at(-1))).toEqual(['urgent', 'sum-near', 'sum-own', 'sum-far']);
    await aggregator.stop();
  });

  it('leaves groups alone for which it has no function', async () => {
    const { q, clock, aggregator, join } = openAggregated({
      gracePeriod: '1s',
      groups: { 'mine:*': { aggregate: list } },
    });
    await join('stranger', 1, 'theirs');
    const before = await q.dump();
    aggregator.start();

    await clock.advance('1m');

    expect(await q.dump()).toEqual(before);
    await aggregator.stop();
  });

  it('returns the tasks when the function fails, and tries again after a delay', async () => {
    let calls = 0;
    const aggregate: Aggregate = (...args) => {
      if (++calls <= 2) throw new Error('no');
      return list(...args);
    };
    const { q, clock, aggregator, log, join } = openAggregated({ gracePeriod: '1s', aggregate });
    aggregator.start();
    await join('a');

    await clock.advance('1s');
    const failed = await q.dump();
    await clock.advance('2400ms');
    const callsBefore = calls;
    await clock.advance('10s');

    expect(failed).toMatchObject({
      groups: { digest: expect.anything() },
      groupNames: ['digest'],
      aggregationSets: [],
    });
    expect([callsBefore, calls]).toEqual([1, 3]);
    expect((await q.dump()).nextUp).toEqual(['sum-a']);
    expect(log.every((line) => line.startsWith('aggregation failed'))).toBe(true);
    expect(log).toHaveLength(2);
    await aggregator.stop();
  });

  it.each<[string, Aggregate]>([
    ['returns nothing', (() => undefined) as unknown as Aggregate],
    ['returns a task without a type', () => ({ type: '' })],
    ['returns the id of a task that exists', () => ({ type: 'sum', options: { taskId: 'taken' } })],
  ])('returns the tasks when the function %s', async (_, aggregate) => {
    const { q, clock, runOnce, join } = openAggregated({ gracePeriod: '1s', aggregate });
    await q.seed({ pending: ['taken'] });
    await join('a');
    await clock.advance('1s');
    const before = await q.dump();

    await runOnce();

    expect(await q.dump()).toEqual(before);
  });

  it.each([
    ['nothing', undefined, 'option "aggregate" is undefined; allowed: a function that returns a task'],
    ['a text', 'sum', 'option "aggregate" is "sum"; allowed: a function that returns a task'],
    ['another queue', { type: 'sum', options: { queue: 'other' } }, 'option "aggregate.options.queue" is "other"'],
    [
      'a queue beside the options',
      { type: 'sum', queue: 'other' },
      'option "aggregate.queue" is text; allowed: only type, payload, options',
    ],
    ['a group', { type: 'sum', options: { group: 'other' } }, 'option "aggregate.options.group" is "other"'],
    ['no type', { payload: 1 }, 'option "type" is undefined'],
    [
      'an unreadable value',
      new Proxy({}, { get: (_target, name) => (name === 'then' ? undefined : fail()), ownKeys: () => fail() }),
      'broken',
    ],
  ])('refuses a function that returns %s, and returns the tasks', async (_, made, reason) => {
    const { q, clock, runOnce, errors, join } = openAggregated({
      gracePeriod: '1s',
      aggregate: () => made as unknown as AggregatedTask,
    });
    await join('a');
    await clock.advance('1s');

    await runOnce();

    const { groups, nextUp } = await q.dump();
    expect([Object.keys(groups), nextUp]).toEqual([['digest'], []]);
    expect(String(errors[0])).toContain(reason);
  });

  it('accepts a function that names the queue of the tasks', async () => {
    const { q, clock, runOnce, join } = openAggregated({
      gracePeriod: '1s',
      aggregate: (_group, _tasks, { queue }) => ({ type: 'sum', options: { queue, taskId: 'sum' } }) as AggregatedTask,
    });
    await join('a');
    await clock.advance('1s');

    await runOnce();

    expect((await q.dump()).nextUp).toEqual(['sum']);
  });

  it('archives a task whose payload does not decode, and aggregates the others', async () => {
    const { q, clock, runOnce, join } = openAggregated({ gracePeriod: '1s', aggregate: list });
    await q.broker.enqueue([{ message: q.message('bad', { groupKey: 'digest', payload: Buffer.from('{') }) }]);
    await join('good');
    await clock.advance('1s');

    await runOnce();

    const dump = await q.dump();
    expect(dump.nextUp).toEqual(['sum-good']);
    expect(dump.tasks['bad']).toMatchObject({ state: 'archived' });
    expect(dump.tasks['bad']?.message?.errorMsg).toMatch(/^payload does not decode: /);
  });

  it('returns the tasks when the codec returns a promise, and handles its rejection', async () => {
    const unhandled = vi.fn<(error: unknown) => void>();
    process.on('unhandledRejection', unhandled);
    const decode = async (): Promise<never> => {
      throw new Error('later');
    };
    const { q, clock, runOnce, join, log } = openAggregated(
      { gracePeriod: '1s', aggregate: list },
      { codec: { ...jsonCodec, decode } },
    );
    await join('a');
    await join('b');
    await clock.advance('1s');

    await runOnce();
    await new Promise(setImmediate);
    process.off('unhandledRejection', unhandled);

    expect(unhandled).not.toHaveBeenCalled();
    expect(Object.keys((await q.dump()).groups)).toEqual(['digest']);
    expect(log.join()).toMatch(/aggregat/);
  });

  it('aborts a function at the deadline, and drops its result', async () => {
    let context: AggregationContext | undefined;
    const aggregate: Aggregate = (_group, _tasks, given) => {
      context = given;
      given.signal.addEventListener('abort', fail);
      return new Promise(() => undefined);
    };
    const { q, clock, aggregator, log, join } = openAggregated({ gracePeriod: '1s', aggregate });
    aggregator.start();
    await join('a');

    await clock.advance('121s');

    expect(context?.signal.aborted).toBe(true);
    expect(log).toContain('an abort listener failed');
    expect(await q.dump()).toMatchObject({ nextUp: [], groupNames: ['digest'], aggregationSets: [] });
    const stopped = aggregator.stop();
    await clock.advance('8s');
    await stopped;
  });

  it('waits at stop for a running function, and then returns its tasks, which is no failure', async () => {
    const { q, clock, aggregator, log, join } = openAggregated({
      gracePeriod: '1s',
      aggregate: () => new Promise(() => undefined),
    });
    aggregator.start();
    await join('a');
    await clock.advance('1s');

    const stopped = aggregator.stop();
    await clock.advance('7s');
    const waiting = await q.dump();
    await clock.advance('1s');
    await stopped;

    expect(waiting.aggregationSets).toHaveLength(1);
    expect(await q.dump()).toMatchObject({ groupNames: ['digest'], aggregationSets: [] });
    expect(log).toEqual([
      'stopping: an aggregation takes longer than shutdownTimeout; its tasks return to their group',
    ]);
  });

  it('takes a full group at once, every time', async () => {
    const { q, clock, aggregator, join } = openAggregated({ gracePeriod: '1m', maxSize: 2, aggregate: list });
    aggregator.start();
    await clock.advance('3s');

    const nextUp: (readonly string[])[] = [];
    for (const id of ['a', 'b', 'c', 'd']) {
      await join(id);
      await clock.advance(0);
      nextUp.push((await q.dump()).nextUp);
    }

    expect(nextUp).toEqual([[], ['sum-a'], ['sum-a'], ['sum-a', 'sum-c']]);
    await aggregator.stop();
  });

  it('takes all sets of a large group, one after the other', async () => {
    const { q, clock, aggregator, join } = openAggregated({ gracePeriod: '1m', maxSize: 2, aggregate: list });
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await join(id);
    aggregator.start();

    await clock.advance(0);

    expect(await q.dump()).toMatchObject({
      nextUp: ['sum-a', 'sum-c', 'sum-e'],
      groups: { digest: expect.anything() },
    });
    await aggregator.stop();
  });

  it.each([1, 2])('takes the next set at once after one in which %i of 2 tasks are unusable', async (count) => {
    const { q, clock, aggregator, join } = openAggregated({ gracePeriod: '1m', maxSize: 2, aggregate: list });
    for (const id of ['a', 'b', 'c', 'd', 'e']) await join(id);
    await q.inject({ tasks: Object.fromEntries(['a', 'b'].slice(0, count).map((id) => [id, undefined])) });
    aggregator.start();

    await clock.advance(0);

    expect((await q.dump()).nextUp).toEqual(count === 1 ? ['sum-b', 'sum-c'] : ['sum-c']);
    await aggregator.stop();
  });

  it('takes what did not fit into a set with it at once', async () => {
    const { q, clock, aggregator, join } = openAggregated({ gracePeriod: '10s', aggregate: list });
    for (let n = 0; n < 20; n++) await join(`t-${String(n).padStart(2, '0')}`, 'x'.repeat(1_000_000));
    aggregator.start();

    await clock.advance('10s');

    expect((await q.dump()).nextUp).toEqual(['sum-t-00', 'sum-t-16']);
    await aggregator.stop();
  });

  it('leaves a full group to the leader, but only briefly', async () => {
    const given = { gracePeriod: '1m', maxSize: 2, aggregate: list } as const;
    const { q, clock, aggregator, join } = openAggregated(given, { isLeader: false });
    aggregator.start();
    await clock.advance('3s');
    await Promise.all(['a', 'b'].map((id) => join(id)));

    await clock.advance(99);
    const early = await q.dump();
    await clock.advance(1);

    expect(early).toMatchObject({ nextUp: [], groups: { digest: expect.anything() } });
    expect((await q.dump()).nextUp).toEqual(['sum-a']);
    await aggregator.stop();
  });

  it('does not try a full group that another server took', async () => {
    const given = { gracePeriod: '1m', maxSize: 2, aggregate: list } as const;
    const { q, clock, broker, aggregator, join } = openAggregated(given, { isLeader: false });
    aggregator.start();
    await clock.advance('3s');
    await Promise.all(['a', 'b'].map((id) => join(id)));
    await clock.advance(50);
    await q.broker.takeRipe(q.name, 'digest', { gracePeriodS: 60, maxDelayS: 0, maxSize: 2 });
    broker.failNext('takeRipe');

    await clock.advance(200);

    await expect(broker.takeRipe(q.name, 'digest', { gracePeriodS: 1, maxDelayS: 0, maxSize: 0 })).rejects.toThrow(
      'takeRipe', // still to fail: no other call was made
    );
    await aggregator.stop();
  });

  it('finds full groups by polling until the broker answers the subscription, then by notification', async () => {
    const given = { gracePeriod: '1m', maxSize: 2, aggregate: list } as const;
    const { q, clock, broker, aggregator, join } = openAggregated(given);
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const listen = q.broker.onGroupChanged;
    q.broker.onGroupChanged = async (...args) => answered.then(() => listen(...args));
    aggregator.start();
    await Promise.all(['a', 'b'].map((id) => join(id)));
    await clock.advance('8s');
    const silent = (await q.dump()).nextUp;

    await Promise.all(['c', 'd'].map((id) => join(id)));
    answer();
    await clock.advance(0);

    expect(silent).toEqual(['sum-a']);
    expect((await q.dump()).nextUp).toEqual(['sum-a', 'sum-c']);
    await Promise.all([aggregator.stop(), broker.close()]);
  });

  it.each(['onGroupChanged', 'awaitSizes'] as const)('finds full groups by polling when %s fails', async (method) => {
    const given = { gracePeriod: '1m', maxSize: 2, aggregate: list } as const;
    const { q, clock, broker, aggregator, join } = openAggregated(given);
    broker.failNext(method);
    aggregator.start();
    await clock.advance(0);
    await Promise.all(['a', 'b'].map((id) => join(id)));

    await clock.advance('7s');

    expect((await q.dump()).nextUp).toEqual(['sum-a']);
    await aggregator.stop();
  });

  it('is not delayed by a slow function, and runs it for one set of a group at a time', async () => {
    const running: string[] = [];
    const aggregate: Aggregate = (group, ...rest) => {
      if (group !== 'slow') return list(group, ...rest);
      running.push(group);
      return new Promise(() => undefined);
    };
    const { q, clock, aggregator, join } = openAggregated({ gracePeriod: '10s', maxSize: 2, aggregate });
    for (const id of ['a', 'b', 'c', 'd']) await join(id, id, 'slow');
    aggregator.start();
    await clock.advance(0);

    await join('e', 1, 'quick');
    await clock.advance('10s');

    expect(running).toEqual(['slow']);
    expect((await q.dump()).nextUp).toEqual(['sum-e']);
    const stopped = aggregator.stop();
    await clock.advance('8s');
    await stopped;
  });

  it('aggregates three groups at a time', async () => {
    const ends: (() => void)[] = [];
    const aggregate: Aggregate = (group) =>
      new Promise((resolve) => ends.push(() => resolve({ type: group, options: { taskId: group } })));
    const { q, clock, aggregator, join } = openAggregated({ gracePeriod: '1s', aggregate });
    for (const group of ['1', '2', '3', '4']) await join(`of-${group}`, 1, group);
    aggregator.start();
    await clock.advance('1s');
    const begun = ends.length;

    ends[1]!();
    await clock.advance(0);

    expect([begun, ends.length]).toEqual([3, 4]);
    ends.forEach((end) => end());
    await clock.advance(0);
    expect((await q.dump()).nextUp).toEqual(['2', '1', '3', '4']);
    await aggregator.stop();
  });

  it('takes a large group as one set among many small ones', async () => {
    const { q, clock, aggregator, join } = openAggregated({ gracePeriod: '10s', aggregate: list });
    for (let n = 0; n < 150; n++) await join(`large-${String(n).padStart(3, '0')}`, n, 'm-large');
    for (let n = 0; n < 200; n++) await join(`small-${n}`, n, `${n < 100 ? 'a' : 'z'}-${n}`);
    aggregator.start();

    await clock.advance('10s');

    const { nextUp, groups, tasks } = await q.dump();
    expect([nextUp.length, groups]).toEqual([201, {}]);
    expect(jsonCodec.decode(tasks['sum-large-000']!.message!.payload)).toHaveLength(150);
    await aggregator.stop();
  });

  it('holds few sets while functions are slow', async () => {
    const { q, clock, aggregator, join } = openAggregated({
      gracePeriod: '1s',
      aggregate: async (...args) => {
        await sleep(q.clock, 2_000);
        return list(...args);
      },
    });
    for (let n = 0; n < 30; n++) await join(`of-${n}`, n, `g-${n}`);
    aggregator.start();

    const held: number[] = [];
    for (let s = 0; s < 15; s++) {
      await clock.advance('1s');
      held.push((await q.dump()).aggregationSets.length);
    }

    expect(Math.max(...held)).toBe(3);
    await clock.advance('10s');
    expect((await q.dump()).nextUp).toHaveLength(30);
    await aggregator.stop();
  });

  it('returns sets whose functions cannot start, without a failure, and takes them again', async () => {
    const hanging: string[] = [];
    const aggregate: Aggregate = (group, ...rest) => {
      if (!group.startsWith('hang') || hanging.length === 3) return list(group, ...rest);
      hanging.push(group);
      return new Promise(() => undefined);
    };
    const { q, clock, aggregator, log, join } = openAggregated({ gracePeriod: '1s', aggregate });
    await join('quick', 1, 'a');
    for (let n = 0; n < 3; n++) await join(`hangs-${n}`, n, `hang-${n}`);
    for (let n = 0; n < 5; n++) await join(`waits-${n}`, n, `wait-${n}`);
    aggregator.start();
    await clock.advance('1s');
    const held = (await q.dump()).aggregationSets.length;

    await clock.advance('10s');
    const returned = await q.dump();
    await clock.advance('110s');

    expect([held, returned.aggregationSets.length, Object.keys(returned.groups).length]).toEqual([8, 3, 5]);
    expect((await q.dump()).nextUp).toEqual(expect.arrayContaining(['sum-waits-0', 'sum-waits-4']));
    expect(log.filter((line) => line.startsWith('aggregation failed'))).toHaveLength(3);
    await aggregator.stop();
  });

  it('reads groups little by little while none is ripe, however many there are', async () => {
    const { q, clock, aggregator, join } = openAggregated({ gracePeriod: '1h', maxDelay: '2h', aggregate: list });
    for (let n = 0; n < 3_000; n++) await join(`of-${n}`, n, `g-${n}`);
    aggregator.start();
    await clock.advance('1m'); // each group once, at the start
    let read = 0;
    const { waitingGroups, groupsByTime } = q.broker;
    q.broker.groupsByTime = async (...args) => {
      const groups = await groupsByTime(...args);
      read += groups.length;
      return groups;
    };
    q.broker.waitingGroups = async (...args) => {
      const page = await waitingGroups(...args);
      read += page.groups.length;
      return page;
    };

    const perSecond: number[] = [];
    for (let s = 0; s < 30; s++) {
      read = 0;
      await clock.advance('1s');
      perSecond.push(read);
    }

    expect(perSecond.filter((count) => count > 0)).not.toHaveLength(0); // Go may have filled groups
    expect(Math.max(...perSecond)).toBeLessThan(1_000);
    await aggregator.stop();
  });

  it('leaves the tasks to the recoverer when they cannot be returned', async () => {
    const { q, clock, broker, aggregator, log, join } = openAggregated({
      gracePeriod: '1s',
      aggregate: () => {
        throw new Error('no');
      },
    });
    broker.failNext('returnSet');
    aggregator.start();
    await join('a');

    await clock.advance('1s');

    expect((await q.dump()).aggregationSets).toHaveLength(1);
    expect(log.at(-1)).toBe('could not return the tasks of a failed aggregation to their group');
    await aggregator.stop();
  });

  it('loses nothing when any reply is lost', async () => {
    for (const method of ['takeRipe', 'finishSet'] as const) {
      const { q, clock, broker, aggregator, join } = openAggregated({ gracePeriod: '1s', aggregate: list });
      broker.failNext(method, { as: 'lostReply' });
      aggregator.start();
      await join('a');

      await clock.advance('121s');
      await q.broker.reclaimSets(q.name, 10);
      await clock.advance('10s');

      const { nextUp, groups, aggregationSets } = await q.dump();
      expect({ nextUp, groups, aggregationSets }).toEqual({ nextUp: ['sum-a'], groups: {}, aggregationSets: [] });
      await aggregator.stop();
    }
  });
});

describe('readGroupAggregator', () => {
  const problemsOf = (given: unknown): readonly string[] => {
    const reader = new OptionReader({});
    readGroupAggregator(reader, given as GroupAggregatorOptions);
    return reader.problems.map(({ option }) => option);
  };

  it('accepts a function for all groups, or for some', () => {
    expect(problemsOf({ aggregate: list, gracePeriod: '1s', maxDelay: '1m', maxSize: 1000 })).toEqual([]);
    expect(problemsOf({ groups: { 'a*': { aggregate: list } } })).toEqual([]);
    expect(problemsOf(undefined)).toEqual([]);
  });

  it.each([
    [{}, 'groupAggregator.aggregate'],
    ['yes', 'groupAggregator'],
    [{ aggregate: list, gracePeriod: 999 }, 'groupAggregator.gracePeriod'],
    [{ aggregate: list, maxDelay: 0 }, 'groupAggregator.maxDelay'],
    [{ aggregate: list, maxSize: 1001 }, 'groupAggregator.maxSize'],
    [{ aggregate: list, maxsize: 10 }, 'groupAggregator.maxsize'],
    [{ aggregate: list, groups: { 'a*': { maxSize: 0 } } }, 'groupAggregator.groups.a*.maxSize'],
    [{ aggregate: list, groups: { ' ': {} } }, 'groupAggregator.groups'],
    [{ groups: { 'a*': { aggregate: 1 } } }, 'groupAggregator.groups.a*.aggregate'],
  ])('refuses %o', (given, option) => {
    expect(problemsOf(given)).toContain(option);
  });
});
