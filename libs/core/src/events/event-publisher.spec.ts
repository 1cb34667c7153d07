import { describe, expect, it } from 'vitest';
import type { EventOps } from '../broker/contract/events.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { OptionReader } from '../runtime/option-reader.js';
import type { TaskEvent } from '../task/task-event.js';
import { loggerTo } from '../test-support/logger-to.js';
import { FakeClock } from '../testing/fake-clock.js';
import { EventPublisher, MOST_WAITING } from './event-publisher.js';
import { type PublishOptions, readPublishOptions } from './publish-options.js';

const started = (id: string, queue = 'q'): TaskEvent => ({
  kind: 'started',
  id,
  type: 't',
  queue,
  retried: 0,
  at: new Date(0),
});

interface Call {
  readonly queue: string;
  readonly events: readonly string[];
}

/** A publisher on a broker that fails as told. */
function open(options: true | PublishOptions = true, publish: EventOps['publishEvents'] = async () => undefined) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const calls: Call[] = [];
  const broker = {
    publishEvents: async (
      queue: string,
      events: readonly string[],
      limits: Parameters<EventOps['publishEvents']>[2],
    ) => {
      calls.push({ queue, events: events.map((text) => nameOf(text)) });
      await publish(queue, events, limits);
    },
  };
  const reader = new OptionReader({});
  const settings = readPublishOptions(reader, options)!;
  const publisher = new EventPublisher(broker, settings, { clock, logger: loggerTo(lines) });
  return { clock, lines, calls, publisher };
}

const nameOf = (text: string): string => {
  const { kind, id, count } = JSON.parse(text) as { kind: string; id?: string; count?: number };
  return kind === 'missed' ? `missed ${count}` : `${kind} ${id}`;
};

const away = (isOutcomeUnknown = false): RedisCommandError =>
  new RedisCommandError('publish-events', true, { cause: new Error('Connection is closed.'), isOutcomeUnknown });

describe('EventPublisher', () => {
  it('sends the events of a turn together, one call for each queue', async () => {
    const { clock, calls, publisher } = open();

    for (const id of ['a', 'b']) publisher.note(started(id));
    publisher.note(started('c', 'other'));
    const before = calls.length;
    await clock.advance(0);

    expect(before).toBe(0);
    expect(calls).toEqual([
      { queue: 'q', events: ['started a', 'started b'] },
      { queue: 'other', events: ['started c'] },
    ]);
  });

  it('collects what happens during a call for the next one', async () => {
    let answer = (): void => undefined;
    const { clock, calls, publisher } = open(true, () => new Promise((resolve) => (answer = resolve)));

    publisher.note(started('a'));
    await clock.advance(0);
    for (const id of ['b', 'c']) {
      publisher.note(started(id));
      await clock.advance(0);
    }
    const during = calls.length;
    answer();
    await clock.advance(0);

    expect(during).toBe(1);
    expect(calls[1]).toEqual({ queue: 'q', events: ['started b', 'started c'] });
  });

  it('publishes only the kinds that are wanted', async () => {
    const { clock, calls, publisher } = open({ kinds: ['archived'] });

    publisher.note(started('a'));
    await clock.advance(0);

    expect(calls).toEqual([]);
  });

  it('keeps events while Redis is away, and then sends them', async () => {
    let isAway = true;
    const { clock, calls, lines, publisher } = open(true, async () => {
      if (isAway) throw away();
    });

    publisher.note(started('a'));
    await clock.advance('1m');
    isAway = false;
    await clock.advance('10s');

    expect(calls.at(-1)).toEqual({ queue: 'q', events: ['started a'] });
    expect(publisher.dropped).toBe(0);
    expect(lines.filter((line) => line.includes('cannot be published'))).not.toEqual([]);
    expect(lines.length).toBeLessThanOrEqual(3); // one in 30 s
  });

  it('drops the oldest when too many wait, counts them, and says so in the stream', async () => {
    let isAway = true;
    const { clock, calls, publisher } = open(true, async () => {
      if (isAway) throw away();
    });

    for (let n = 0; n < MOST_WAITING + 5; n++) publisher.note(started(String(n)));
    isAway = false;
    await clock.advance('10s');

    expect(publisher.dropped).toBe(5);
    expect(calls[0]!.events.slice(0, 2)).toEqual(['missed 5', 'started 5']);
    expect(calls.flatMap(({ events }) => events)).toHaveLength(MOST_WAITING + 1);
  });

  it('does not send again what may have been written, and counts it', async () => {
    let isFirst = true;
    const { clock, calls, publisher } = open(true, async () => {
      if (!isFirst) return;
      isFirst = false;
      throw away(true);
    });

    publisher.note(started('a'));
    await clock.advance('1s');
    publisher.note(started('b'));
    await clock.advance('1s');

    expect(calls.map(({ events }) => events)).toEqual([['started a'], ['missed 1', 'started b']]);
    expect(publisher.dropped).toBe(1);
  });

  it('rests when Redis refuses streams, with one line that says why', async () => {
    const refusal = new RedisCommandError('publish-events', false, { cause: new Error("ERR unknown command 'XADD'") });
    const { clock, calls, lines, publisher } = open(true, () => Promise.reject(refusal));

    for (let n = 0; n < 10; n++) {
      publisher.note(started(String(n)));
      await clock.advance('1s');
    }

    expect(calls).toHaveLength(1);
    expect(publisher.dropped).toBe(10);
    expect(lines).toEqual([expect.stringContaining('Redis refuses the events of tasks; tasks are not affected')]);
  });

  it('sends the last events at the end, and takes no more', async () => {
    const { calls, publisher } = open();

    publisher.note(started('a'));
    await publisher.close();
    publisher.note(started('b'));

    expect(calls).toEqual([{ queue: 'q', events: ['started a'] }]);
  });

  it.each([
    [{ maxLength: 0 }, 'publishEvents.maxLength'],
    [{ maxAge: 10 }, 'publishEvents.maxAge'],
    [{ kinds: [] }, 'publishEvents.kinds'],
    [{ kinds: ['finished'] }, 'publishEvents.kinds'],
    [{ maxLenght: 1 }, 'did you mean "maxLength"?'],
    ['yes', 'publishEvents'],
    [null, 'publishEvents'],
  ])('refuses %j', (options, text) => {
    const reader = new OptionReader({});
    readPublishOptions(reader, options as never);

    expect(() => reader.throwIfWrong()).toThrow(InvalidOptionsError);
    expect(() => reader.throwIfWrong()).toThrow(text);
  });
});
