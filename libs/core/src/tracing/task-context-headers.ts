import {
  context as activeContext,
  type Context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api';

/** Header with the time of the enqueue, unix ms: an old trace is linked, not continued. */
const ENQUEUED_AT = 'asynq-enqueued-at';

type Headers = Readonly<Record<string, string>>;

/** Where a task came from, as its headers say. */
interface Origin {
  /** The remote span and the baggage; without either the root. */
  readonly context: Context;
  /** The span that enqueued the task. */
  readonly span: SpanContext | undefined;
  /** Unix ms; `undefined`: not known, as for a task of Go. */
  readonly enqueuedAtMs: number | undefined;
}

const NO_ORIGIN: Origin = { context: ROOT_CONTEXT, span: undefined, enqueuedAtMs: undefined };

/** Whether the headers carry a context already, which must not be mixed with another one. */
export function hasContext(headers: Headers): boolean {
  if (isEmpty(headers)) return false;
  return propagation.fields().some((field) => Object.hasOwn(headers, field));
}

/** Headers with a context, by the propagator of the program; `undefined` when that writes nothing. */
export function headersOf(context: Context, nowMs: number): Headers | undefined {
  const headers: Record<string, string> = {};
  propagation.inject(context, headers);
  if (isEmpty(headers)) return undefined;
  headers[ENQUEUED_AT] = String(Math.round(nowMs));
  return headers;
}

/**
 * Headers with the context of the caller, for a task that is enqueued elsewhere: written into an outbox with the task, they
 * let its attempts continue the trace of the request, whoever carries it to the queue. Empty without an SDK.
 *
 * ```ts
 * await transaction.insert(outbox).values({ type, payload, headers: contextHeaders() });
 * ```
 */
export function contextHeaders(): Readonly<Record<string, string>> {
  return headersOf(activeContext.active(), Date.now()) ?? {};
}

/** Reads the headers of a task. */
export function originOf(headers: Headers): Origin {
  if (isEmpty(headers)) return NO_ORIGIN;
  const context = propagation.extract(ROOT_CONTEXT, headers);
  const span = trace.getSpanContext(context);
  const at = headers[ENQUEUED_AT];
  return {
    context,
    span: span && isSpanContextValid(span) ? span : undefined,
    enqueuedAtMs: at !== undefined && /^\d{1,15}$/.test(at) ? Number(at) : undefined,
  };
}

function isEmpty(headers: Headers): boolean {
  for (const _ in headers) return false;
  return true;
}
