import { readFileSync } from 'node:fs';
import { propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Client, type ClientOptions } from '../client/client.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { Inspector } from '../inspector/inspector.js';
import { silentLogger } from '../runtime/logger.js';
import { Scheduler } from './scheduler.js';
import { ServeMux } from '../server/run/running/serve-mux.js';
import { Server } from '../server/server.js';
import type { ServerOptions } from '../server/server-options.js';
import { RevokeTask, SkipRetry } from '../task/signals.js';
import type { Handler } from '../task/task-context.js';
import { idsOf, mentions, type RecordedSpans, recordSpans, ties } from '../test-support/recorded-spans.js';
import { openMemoryQueue } from '../test-support/test-queue.js';
import { openTelemetry } from '../tracing/open-telemetry.js';
import { PACKAGE_NAME, PACKAGE_VERSION } from '../tracing/package-version.js';

let spans: RecordedSpans;

beforeAll(() => {
  spans = recordSpans();
});
afterAll(() => spans[Symbol.dispose]());
beforeEach(() => spans.clear());

/** A traced client and traced servers of one queue in memory, on a clock that stands still. */
function open({ tracing = openTelemetry(), ...options }: Partial<ClientOptions> = {}) {
  const queue = openMemoryQueue({ name: 'mail' });
  const shared = { connection: queue.broker, logger: silentLogger, tracing };
  const client = new Client({ ...shared, defaults: { queue: 'mail' }, ...options });
  const servers: Server[] = [];
  return {
    queue,
    clock: queue.clock,
    client,
    tracing,
    inspector: new Inspector({ connection: queue.broker, logger: silentLogger }),
    serve: async (handler: Handler | ServeMux, own: Partial<ServerOptions> = {}): Promise<void> => {
      const server = new Server({ ...shared, queues: { mail: 1, other: 1 }, concurrency: 2, ...own });
      servers.push(server);
      await server.start(handler);
    },
    /** Lets everything happen that is due. */
    settle: () => queue.clock.advance(0),
    async [Symbol.asyncDispose]() {
      await Promise.all([queue.clock.advance('1m'), ...servers.map((server) => server.shutdown())]);
      await queue[Symbol.asyncDispose]();
    },
  };
}

describe('the span of an enqueue', () => {
  it('is a producer with the attributes of the conventions, and its context is in the headers', async () => {
    await using t = open();

    const task = await t.client.enqueue('email:welcome', { to: 'secret' });

    const span = spans.named('enqueue mail');
    const { traceId, spanId } = idsOf(span);
    expect(span.kind).toBe(SpanKind.PRODUCER);
    expect(span.attributes).toEqual({
      'messaging.system': 'asynq',
      'messaging.operation.name': 'enqueue',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'mail',
      'messaging.message.id': task.id,
      'messaging.client.id': expect.stringMatching(new RegExp(`^.+:${process.pid}:[\\da-f-]{36}$`)) as string,
      'asynq.task.type': 'email:welcome',
    });
    expect((await t.inspector.taskInfo('mail', task.id)).headers).toEqual({
      traceparent: `00-${traceId}-${spanId}-01`,
      'asynq-enqueued-at': String(t.clock.nowMs()),
    });
  });

  it('names its scope by package, version and schema', async () => {
    await using t = open();

    await t.client.enqueue('a');

    const { name, version, schemaUrl } = spans.named('enqueue mail').instrumentationScope;
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    expect({ name, version }).toEqual({ name: PACKAGE_NAME, version: PACKAGE_VERSION });
    expect(JSON.parse(manifest)).toMatchObject({ name, version });
    expect(schemaUrl).toBe('https://opentelemetry.io/schemas/1.44.0');
  });

  it('hangs below the span that is active, and carries its baggage', async () => {
    await using t = open();

    await spans.within('POST /members', async () => {
      const baggage = propagation.createBaggage({ tenant: { value: 't1' } });
      const { context } = await import('@opentelemetry/api');
      await context.with(propagation.setBaggage(context.active(), baggage), () =>
        t.client.enqueue('a', undefined, { taskId: 'x' }),
      );
    });

    const request = idsOf(spans.named('POST /members'));
    expect(ties(spans.named('enqueue mail'))).toEqual({ traceId: request.traceId, parent: request.spanId, links: [] });
    expect((await t.inspector.taskInfo('mail', 'x')).headers).toMatchObject({ baggage: 'tenant=t1' });
  });

  it('records a refusal', async () => {
    await using t = open();
    await t.client.enqueue('a', undefined, { taskId: 'taken' });

    await expect(t.client.enqueue('a', undefined, { taskId: 'taken' })).rejects.toThrow('taken');

    const refused = spans.named('enqueue mail', 1);
    expect(refused.attributes['error.type']).toBe('TaskIdConflictError');
    expect(refused.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(refused.events).toMatchObject([{ name: 'exception' }]);
  });

  it('leaves a context alone that the caller has put into the headers', async () => {
    await using t = open();
    const headers = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, own: 'yes' };

    const { id } = await t.client.enqueue('a', undefined, { headers });

    expect((await t.inspector.taskInfo('mail', id)).headers).toEqual(headers);
    expect(ties(spans.named('enqueue mail')).links).toEqual(['b'.repeat(16)]);
  });
});

describe('the spans of many tasks', () => {
  const items = ['a', 'b'].map((taskId) => ({ type: 't', options: { taskId } }));

  it('are one per task, to which its attempts are linked, and one of the call with links to those', async () => {
    await using t = open();

    await t.client.enqueueMany(items);

    const created = [spans.named('create mail'), spans.named('create mail', 1)];
    const call = spans.named('enqueue mail');
    expect(created.map(({ kind }) => kind)).toEqual([SpanKind.PRODUCER, SpanKind.PRODUCER]);
    expect(created.map(({ attributes }) => attributes['messaging.message.id'])).toEqual(['a', 'b']);
    expect(call.kind).toBe(SpanKind.CLIENT);
    expect(call.attributes).toMatchObject({
      'messaging.batch.message_count': 2,
      'messaging.destination.name': 'mail',
      'messaging.operation.type': 'send',
    });
    expect(ties(call).links).toEqual(created.map((span) => idsOf(span).spanId));
    const { headers } = await t.inspector.taskInfo('mail', 'b');
    expect(headers['traceparent']).toContain(idsOf(created[1]!).spanId);
  });

  it('name no queue when there are several', async () => {
    await using t = open();

    await t.client.enqueueMany([...items, { type: 't', options: { queue: 'other' } }]);

    expect(spans.named('enqueue').attributes).not.toHaveProperty('messaging.destination.name');
    expect(spans.named('create other').attributes).toMatchObject({ 'messaging.destination.name': 'other' });
  });

  it('are only that of the call without createSpans, and it is the producer then', async () => {
    await using t = open({ tracing: openTelemetry({ createSpans: false }) });

    await t.client.enqueueMany(items);

    const [call, ...others] = spans.all();
    expect(others).toEqual([]);
    expect(call!.kind).toBe(SpanKind.PRODUCER);
    const { headers } = await t.inspector.taskInfo('mail', 'b');
    expect(headers['traceparent']).toContain(idsOf(call!).spanId);
  });

  it('are only those of the tasks without batchSpans; the refused one has failed', async () => {
    await using t = open({ tracing: openTelemetry({ batchSpans: false }) });

    await t.client.enqueueMany([...items, items[0]!]);

    expect(spans.all().map(({ name, attributes }) => [name, attributes['error.type']])).toEqual([
      ['create mail', undefined],
      ['create mail', undefined],
      ['create mail', 'TaskIdConflictError'],
    ]);
  });
});

describe('the span of an attempt', () => {
  it('continues the trace of the enqueue, and links to it', async () => {
    await using t = open({ tracing: openTelemetry({ bodySize: true }) });
    await t.serve(() => undefined);

    const { id } = await t.client.enqueue('email:welcome', 'hi', { maxRetry: 3 });
    await t.settle();

    const enqueued = idsOf(spans.named('enqueue mail'));
    const attempt = spans.named('process mail');
    expect(ties(attempt)).toEqual({
      traceId: enqueued.traceId,
      parent: enqueued.spanId,
      links: [enqueued.spanId],
    });
    expect(attempt.kind).toBe(SpanKind.CONSUMER);
    expect(attempt.attributes).toMatchObject({
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'mail',
      'messaging.message.id': id,
      'messaging.message.body.size': 4,
      'asynq.task.type': 'email:welcome',
      'asynq.task.retry_count': 0,
      'asynq.task.max_retry': 3,
      'asynq.task.outcome': 'success',
    });
    expect(attempt.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('is active in the handler, so that tasks enqueued there hang below it', async () => {
    await using t = open();
    await t.serve(async (_, { type }) => {
      if (type === 'first') await t.client.enqueue('second', undefined, { queue: 'other' });
    });

    await t.client.enqueue('first');
    await t.settle();

    const first = idsOf(spans.named('process mail'));
    expect(ties(spans.named('enqueue other'))).toMatchObject({ traceId: first.traceId, parent: first.spanId });
    expect(ties(spans.named('process other')).traceId).toBe(first.traceId);
  });

  it('does not run in the context in which the task happened to be fetched', async () => {
    await using t = open();
    await t.serve(() => undefined);
    const headers = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };

    await spans.within('an unrelated request', async () => {
      await t.client.enqueue('a', undefined, { headers });
      await t.settle();
    });

    expect(ties(spans.named('process mail'))).toMatchObject({ traceId: 'a'.repeat(32), parent: 'b'.repeat(16) });
  });

  it('begins a trace of its own at a retry, linked to the enqueue, and records each error', async () => {
    await using t = open();
    await t.serve(
      (_, { retried }) => {
        if (retried === 0) throw new TypeError('boom');
      },
      { retryDelay: () => 1_000 },
    );

    await t.client.enqueue('a');
    await t.settle();
    await t.clock.advance('2s');

    const enqueued = idsOf(spans.named('enqueue mail'));
    const [failed, retried] = [spans.named('process mail'), spans.named('process mail', 1)];
    expect(failed.attributes).toMatchObject({ 'error.type': 'TypeError', 'asynq.task.outcome': 'retry' });
    expect(failed.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(failed.events).toMatchObject([{ name: 'exception', attributes: { 'exception.message': 'boom' } }]);
    expect(ties(retried)).toEqual({
      traceId: expect.not.stringMatching(enqueued.traceId) as string,
      parent: undefined,
      links: [enqueued.spanId],
    });
    expect(retried.attributes).toMatchObject({ 'asynq.task.retry_count': 1, 'asynq.task.outcome': 'success' });
  });

  it.each([
    { processIn: '10s', isSameTrace: true },
    { processIn: '1m', isSameTrace: true },
    { processIn: '61s', isSameTrace: false },
    { processIn: '61s', isSameTrace: true, parentWithin: '5m' },
    { processIn: '0s', isSameTrace: false, linkOnly: true },
  ] as const)(
    'after a delay of $processIn: same trace $isSameTrace',
    async ({ processIn, isSameTrace, ...options }) => {
      await using t = open({ tracing: openTelemetry(options) });
      await t.serve(() => undefined);

      await t.client.enqueue('a', undefined, { processIn });
      await t.clock.advance(processIn);

      const enqueued = idsOf(spans.named('enqueue mail'));
      const { traceId, parent, links } = ties(spans.named('process mail'));
      expect({ isSame: traceId === enqueued.traceId, isChild: parent === enqueued.spanId }).toEqual({
        isSame: isSameTrace,
        isChild: isSameTrace,
      });
      expect(links).toEqual([enqueued.spanId]);
    },
  );

  it.each([
    { error: new SkipRetry('no user'), outcome: 'archived', type: 'SkipRetry', code: SpanStatusCode.ERROR },
    { error: new RevokeTask(), outcome: 'revoked', type: undefined, code: SpanStatusCode.UNSET },
    { error: 'only text', outcome: 'retry', type: '_OTHER', code: SpanStatusCode.ERROR },
  ])('of a handler that throws $error: $outcome', async ({ error, outcome, type, code }) => {
    await using t = open();
    await t.serve(() => Promise.reject(error));

    await t.client.enqueue('a');
    await t.settle();

    const { attributes, status, events } = spans.named('process mail');
    expect(attributes['asynq.task.outcome']).toBe(outcome);
    expect(attributes['error.type']).toBe(type);
    expect(status).toEqual({ code });
    expect(events.map(({ name }) => name)).toEqual(['exception']);
  });

  it('is there for a task past its deadline, and for none of unknown type', async () => {
    await using t = open();
    const mux = new ServeMux().handle('known', () => undefined);
    await t.client.enqueue('known', undefined, { deadline: new Date(t.clock.nowMs() + 1_000), taskId: 'late' });
    await t.client.enqueue('unknown');
    await t.clock.advance('5s');

    await t.serve(mux);
    await t.settle();

    expect(spans.all().filter(({ kind }) => kind === SpanKind.CONSUMER)).toMatchObject([
      { attributes: { 'messaging.message.id': 'late', 'error.type': 'TaskTimeoutError' } },
    ]);
  });

  it('links a task that was moved, edited, or run again after it was archived', async () => {
    await using t = open();
    await t.client.enqueue('a', 1, { taskId: 'moved' });
    await t.client.enqueue('a', 1, { taskId: 'edited', processIn: '1s' });
    await t.client.enqueue('a', 'fails', { taskId: 'again', maxRetry: 0 });
    const enqueued = spans.all().map((span) => idsOf(span));
    await t.inspector.moveToQueue('mail', 'moved', 'other');
    await t.inspector.updateTaskPayload('mail', 'edited', 2);

    let fails = true;
    await t.serve((payload) => {
      if (payload === 'fails' && fails) throw new Error('not yet');
    });
    await t.clock.advance('1s');
    fails = false;
    await t.inspector.runTask('mail', 'again');
    await t.settle();

    const tiesOf = (id: string, nth: number) =>
      ties(
        spans.all().filter((s) => s.kind === SpanKind.CONSUMER && s.attributes['messaging.message.id'] === id)[nth]!,
      );
    const [moved, edited, again] = enqueued as [(typeof enqueued)[0], (typeof enqueued)[0], (typeof enqueued)[0]];
    expect(tiesOf('moved', 0)).toEqual({ traceId: moved.traceId, parent: moved.spanId, links: [moved.spanId] });
    expect(tiesOf('edited', 0)).toEqual({ traceId: edited.traceId, parent: edited.spanId, links: [edited.spanId] });
    expect(tiesOf('again', 0)).toMatchObject({ traceId: again.traceId });
    expect(tiesOf('again', 1)).toMatchObject({ parent: undefined, links: [again.spanId] });
  });

  it('never shows a payload, nor what the handler returns', async () => {
    await using t = open({ tracing: openTelemetry({ bodySize: true }) });
    await t.serve(() => 'hush-result');

    await t.client.enqueueMany([
      { type: 'a', payload: 'hush' },
      { type: 'a', payload: 'hush' },
    ]);
    await t.client.enqueue('a', 'hush', { retention: '1m' });
    await t.settle();

    expect(spans.all().length).toBeGreaterThan(5);
    expect(mentions(spans.all(), 'hush')).toBe(false);
    expect(mentions(spans.all(), 'process mail')).toBe(true); // the test looks where it would be
  });

  it('names the whole queue and the partition', async () => {
    await using t = open({ partitions: { mail: 2 } });
    await t.serve(() => undefined, { queues: { mail: { partitions: 2 } } });

    await t.client.enqueue('a');
    await t.settle();

    expect(spans.named('process mail').attributes).toMatchObject({
      'messaging.destination.name': 'mail',
      'messaging.destination.partition.id': expect.stringMatching(/^mail:p[01]-/) as string,
    });
  });
});

describe('the span of a group', () => {
  it('has a link to each member, and the combined task continues its trace', async () => {
    await using t = open();
    await t.serve(() => undefined, {
      groupAggregator: { gracePeriod: '1s', aggregate: () => ({ type: 'digest' }) },
    });

    for (const taskId of ['a', 'b']) await t.client.enqueue('one', undefined, { taskId, group: 'g' });
    const members = spans.all().map((span) => idsOf(span).spanId);
    spans.clear();
    await t.clock.advance('10s');

    const [group, attempt] = [spans.named('process mail'), spans.named('process mail', 1)];
    expect(group.attributes).toMatchObject({
      'messaging.batch.message_count': 2,
      'messaging.destination.name': 'mail',
    });
    expect(group.attributes).not.toHaveProperty('messaging.message.id');
    expect(ties(group)).toMatchObject({ parent: undefined });
    expect(ties(group).links.toSorted()).toEqual(members.toSorted());
    const combined = spans.named('enqueue mail');
    expect(ties(combined)).toMatchObject({ traceId: idsOf(group).traceId, parent: idsOf(group).spanId });
    expect(ties(attempt)).toMatchObject({ traceId: idsOf(group).traceId, parent: idsOf(combined).spanId });
  });

  it('records the error of its function', async () => {
    await using t = open();
    const aggregate = (): never => {
      throw new RangeError('too many');
    };
    await t.serve(() => undefined, { groupAggregator: { gracePeriod: '1s', aggregate } });

    await t.client.enqueue('one', undefined, { group: 'g' });
    await t.clock.advance('3s');

    expect(spans.named('process mail')).toMatchObject({
      attributes: { 'error.type': 'RangeError' },
      status: { code: SpanStatusCode.ERROR },
    });
  });
});

describe('the span of a tick', () => {
  it('begins a trace of its own, in which the attempt runs', async () => {
    await using t = open();
    await t.serve(() => undefined);
    const scheduler = new Scheduler({
      connection: t.queue.broker,
      logger: silentLogger,
      tracing: t.tracing,
      defaults: { queue: 'mail' },
    });

    await spans.within('boot', async () => {
      scheduler.register('@every 30s', 'report', undefined, { name: 'r' });
      await scheduler.start();
      await t.clock.advance('61s');
    });
    await scheduler.shutdown();

    const [first, second] = [spans.named('enqueue mail'), spans.named('enqueue mail', 1)];
    const traces = [first, second].map((span) => idsOf(span).traceId);
    expect(new Set([...traces, idsOf(spans.named('boot')).traceId]).size).toBe(3);
    expect([first, second].map((span) => ties(span).parent)).toEqual([undefined, undefined]);
    expect(ties(spans.named('process mail'))).toEqual({
      traceId: traces[0],
      parent: idsOf(first).spanId,
      links: [idsOf(first).spanId],
    });
  });

  it('is shown by the scheduler that enqueued the task, and by no other', async () => {
    await using t = open();
    const options = { connection: t.queue.broker, logger: silentLogger, tracing: t.tracing };
    const schedulers = [new Scheduler(options), new Scheduler(options)];
    for (const scheduler of schedulers) {
      scheduler.register('@every 30s', 'report', undefined, { name: 'r', queue: 'mail' });
      await scheduler.start();
    }

    await t.clock.advance('61s');
    await Promise.all(schedulers.map((scheduler) => scheduler.shutdown()));

    expect(spans.all().map(({ name }) => name)).toEqual(['enqueue mail', 'enqueue mail']);
  });
});

describe('without an SDK', () => {
  it('adds no header and runs the task', async () => {
    await using t = open({ tracing: openTelemetry({ tracerProvider: new (await noProvider())() }) });
    const ran: Readonly<Record<string, string>>[] = [];
    await t.serve((_, { headers }) => void ran.push(headers));

    await t.client.enqueue('a', 1, { headers: { own: 'yes' } });
    await t.client.enqueueMany([{ type: 'b' }, { type: 'c' }]);
    await t.settle();

    expect(ran).toEqual([{ own: 'yes' }, {}, {}]);
    expect(spans.all()).toEqual([]);
  });
});

/** The provider that the API falls back to. */
async function noProvider() {
  const { ProxyTracerProvider } = await import('@opentelemetry/api');
  return ProxyTracerProvider;
}

describe('openTelemetry', () => {
  it.each([
    [{ linkOnly: 'yes' }, 'linkOnly'],
    [{ parentWithin: -1 }, 'parentWithin'],
    [{ createSpans: false, batchSpans: false }, 'createSpans'],
    [{ tracerProvider: {} }, 'tracerProvider'],
    [{ linksOnly: true }, 'did you mean "linkOnly"?'],
  ])('refuses %j', (options, text) => {
    expect(() => openTelemetry(options as never)).toThrow(InvalidOptionsError);
    expect(() => openTelemetry(options as never)).toThrow(text);
  });

  it('survives a propagator that fails, and the task runs untraced', async () => {
    await using t = open();
    const ran: string[] = [];
    await t.serve((_, { id }) => void ran.push(id));
    propagation.disable();
    propagation.setGlobalPropagator({
      inject: () => {
        throw new Error('broken');
      },
      extract: (context) => context,
      fields: () => [],
    });

    await t.client.enqueue('a', undefined, { taskId: 'x' });
    await t.settle();

    expect(ran).toEqual(['x']);
    spans[Symbol.dispose]();
    spans = recordSpans();
    expect(trace.getTracerProvider()).toBeDefined();
  });
});
