import {
  type Attributes,
  context as activeContext,
  type Context,
  diag,
  isSpanContextValid,
  type Link,
  ProxyTracer,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { placeOf } from '../partitions/partition-name.js';
import type {
  AggregationTrace,
  AttemptTrace,
  EnqueueTrace,
  GroupMember,
  TaskTracer,
  TracedOutcome,
  TracedPlace,
} from '../task/task-tracing.js';
import type { TaskMessage } from '../wire/task-message.js';
import * as names from './attribute-names.js';
import { PACKAGE_NAME, PACKAGE_VERSION } from './package-version.js';
import { noteError, noteException } from './span-errors.js';
import { hasContext, headersOf, originOf } from './task-context-headers.js';
import type { TracingSettings } from './tracing-options.js';

const SCOPE = { schemaUrl: names.SCHEMA_URL };

/** An attempt that ended so has not failed, though it threw: what was thrown is how a handler or a shutdown says it. */
const NO_FAILURE: readonly TracedOutcome[] = ['success', 'revoked', 'requeued'];

/** Makes the spans of one client, server or scheduler. */
export class SpanTracer implements TaskTracer {
  private readonly shared: Attributes;
  private known: Tracer | undefined;

  constructor(
    { clientId, address, port }: TracedPlace,
    private readonly settings: TracingSettings,
  ) {
    this.shared = {
      [names.SYSTEM]: 'asynq',
      [names.CLIENT_ID]: clientId,
      ...(address !== undefined && { [names.SERVER_ADDRESS]: address }),
      ...(port !== undefined && { [names.SERVER_PORT]: port }),
    };
  }

  enqueueing(tasks: readonly TaskMessage[], nowMs: number, origin: 'call' | 'tick'): EnqueueTrace | undefined {
    return this.traced((tracer) => {
      const from = origin === 'tick' ? ROOT_CONTEXT : activeContext.active();
      if (tasks.length === 1) return this.enqueueingOne(tracer, tasks[0]!, nowMs, from);
      return this.enqueueingMany(tracer, tasks, nowMs, from);
    });
  }

  attempting(message: TaskMessage, nowMs: number): AttemptTrace | undefined {
    return this.traced((tracer) => this.attemptingWith(tracer, message, nowMs));
  }

  aggregating(queue: string, members: readonly GroupMember[]): AggregationTrace | undefined {
    return this.traced((tracer) => this.aggregatingWith(tracer, queue, members));
  }

  /** `undefined` while the program has registered no SDK, and when its SDK or its propagator fails. */
  private traced<Trace>(begin: (tracer: Tracer) => Trace | undefined): Trace | undefined {
    try {
      const { tracer } = this;
      return tracer && begin(tracer);
    } catch (error) {
      diag.error('a task is not traced', error);
      return undefined;
    }
  }

  private attemptingWith(tracer: Tracer, message: TaskMessage, nowMs: number): AttemptTrace | undefined {
    const origin = originOf(message.headers);
    const isOwnTrace = !origin.span || this.settings.linkOnly || this.isLater(message, origin.enqueuedAtMs, nowMs);
    // Never the context in which the task was fetched: that may be any request of this process.
    const parent = isOwnTrace ? trace.deleteSpan(origin.context) : origin.context;
    const attributes = {
      ...this.attributesOf(message, 'process', 'process'),
      [names.RETRY_COUNT]: message.retried,
      [names.MAX_RETRY]: message.maxRetry,
    };
    const links = origin.span ? [{ context: origin.span }] : [];
    const name = `process ${placeOf(message.queue).queue}`;
    const span = tracer.startSpan(name, { kind: SpanKind.CONSUMER, attributes, links }, parent);
    if (!isSpanContextValid(span.spanContext())) return undefined;
    return { ...scopeOf(trace.setSpan(parent, span)), end: (outcome, error) => endAttempt(span, outcome, error) };
  }

  private aggregatingWith(
    tracer: Tracer,
    queue: string,
    members: readonly GroupMember[],
  ): AggregationTrace | undefined {
    const links = members.flatMap(linksTo);
    const attributes = {
      ...this.attributesAt(queue, 'process', 'process'),
      [names.BATCH_COUNT]: members.length,
    };
    const name = `process ${placeOf(queue).queue}`;
    const span = tracer.startSpan(name, { kind: SpanKind.CONSUMER, attributes, links }, ROOT_CONTEXT);
    if (!isSpanContextValid(span.spanContext())) return undefined;
    return { ...scopeOf(trace.setSpan(ROOT_CONTEXT, span)), end: (error) => endSpan(span, error) };
  }

  private get tracer(): Tracer | undefined {
    if (this.known) return this.known;
    const provider = this.settings.tracerProvider ?? trace.getTracerProvider();
    const tracer = provider.getTracer(PACKAGE_NAME, PACKAGE_VERSION, SCOPE);
    if (tracer instanceof ProxyTracer) return undefined;
    return (this.known = tracer);
  }

  private enqueueingOne(tracer: Tracer, message: TaskMessage, nowMs: number, from: Context): EnqueueTrace | undefined {
    const isGiven = hasContext(message.headers);
    const span = tracer.startSpan(
      `enqueue ${placeOf(message.queue).queue}`,
      {
        kind: SpanKind.PRODUCER,
        attributes: this.attributesOf(message, 'enqueue', 'send'),
        links: isGiven ? linksTo(message) : [],
      },
      from,
    );
    if (!isSpanContextValid(span.spanContext())) return undefined;
    const context = trace.setSpan(from, span);
    return {
      ...scopeOf(context),
      headers: [isGiven ? undefined : headersOf(context, nowMs)],
      end: ([error]) => endSpan(span, error),
    };
  }

  private enqueueingMany(
    tracer: Tracer,
    tasks: readonly TaskMessage[],
    nowMs: number,
    from: Context,
  ): EnqueueTrace | undefined {
    const { createSpans, batchSpans } = this.settings;
    const created = createSpans ? tasks.map((message) => this.creating(tracer, message, from)) : [];
    const whole = batchSpans ? this.sending(tracer, tasks, created, from) : undefined;
    const [first] = whole ? [whole] : created;
    if (!first || !isSpanContextValid(first.spanContext())) return undefined;
    const around = whole ? trace.setSpan(from, whole) : from;
    return {
      ...scopeOf(around),
      headers: tasks.map(({ headers }, at) => {
        if (hasContext(headers)) return undefined;
        return headersOf(created[at] ? trace.setSpan(from, created[at]) : around, nowMs);
      }),
      end: (errors) => {
        created.forEach((span, at) => endSpan(span, errors[at]));
        if (whole)
          endSpan(
            whole,
            errors.find((error) => error !== undefined),
          );
      },
    };
  }

  /** One task of many. */
  private creating(tracer: Tracer, message: TaskMessage, from: Context): Span {
    const attributes = this.attributesOf(message, 'create', 'create');
    const links = hasContext(message.headers) ? linksTo(message) : [];
    const name = `create ${placeOf(message.queue).queue}`;
    return tracer.startSpan(name, { kind: SpanKind.PRODUCER, attributes, links }, from);
  }

  /** The call for many tasks. It is their producer where they have no spans of their own. */
  private sending(tracer: Tracer, tasks: readonly TaskMessage[], created: readonly Span[], from: Context): Span {
    const [queue, ...others] = new Set(tasks.map(({ queue }) => placeOf(queue).queue));
    const isOneQueue = others.length === 0;
    return tracer.startSpan(
      isOneQueue ? `enqueue ${queue}` : 'enqueue',
      {
        kind: created.length > 0 ? SpanKind.CLIENT : SpanKind.PRODUCER,
        attributes: {
          ...this.attributesAt(isOneQueue ? queue : undefined, 'enqueue', 'send'),
          [names.BATCH_COUNT]: tasks.length,
        },
        links: created.map((span) => ({ context: span.spanContext() })),
      },
      from,
    );
  }

  /** Whether the attempt is too far from the enqueue to be a part of its trace: a retry, or after a long wait. */
  private isLater({ retried, lastFailedAtS }: TaskMessage, enqueuedAtMs: number | undefined, nowMs: number): boolean {
    if (retried > 0 || lastFailedAtS > 0n) return true;
    return enqueuedAtMs !== undefined && nowMs - enqueuedAtMs > this.settings.parentWithinMs;
  }

  private attributesOf(message: TaskMessage, operation: string, type: string): Attributes {
    return {
      ...this.attributesAt(message.queue, operation, type),
      [names.MESSAGE_ID]: message.id,
      [names.TASK_TYPE]: message.type,
      ...(this.settings.bodySize && { [names.BODY_SIZE]: message.payload.length }),
    };
  }

  /** @param queue the ordinary one; `undefined`: several */
  private attributesAt(name: string | undefined, operation: string, type: string): Attributes {
    const attributes: Attributes = {
      ...this.shared,
      [names.OPERATION_NAME]: operation,
      [names.OPERATION_TYPE]: type,
    };
    if (name === undefined) return attributes;
    const { queue, partition } = placeOf(name);
    attributes[names.DESTINATION] = queue;
    if (partition !== undefined) attributes[names.PARTITION] = partition;
    return attributes;
  }
}

/** The span that a task comes from. */
function linksTo({ headers }: Pick<TaskMessage, 'headers'>): Link[] {
  const { span } = originOf(headers);
  return span ? [{ context: span }] : [];
}

const scopeOf = (context: Context) => ({
  run: <Result>(call: () => Result): Result => activeContext.with(context, call),
});

function endAttempt(span: Span, outcome: TracedOutcome, error: unknown): void {
  span.setAttribute(names.OUTCOME, outcome);
  if (error !== undefined && NO_FAILURE.includes(outcome)) noteException(span, error);
  else if (error !== undefined) noteError(span, error);
  span.end();
}

function endSpan(span: Span, error: unknown): void {
  if (error !== undefined) noteError(span, error);
  span.end();
}
