import { type AttributeValue, context, propagation, type Span, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** An SDK that keeps the spans of this process in memory, registered until it is disposed of. */
export interface RecordedSpans extends Disposable {
  /** Ended ones, in the order of their ends. */
  all(): readonly ReadableSpan[];
  /** The only one that has ended under this name, or the nth. */
  named(name: string, nth?: number): ReadableSpan;
  clear(): void;
  /** Calls a function within a span, as an instrumented request would. */
  within<Result>(name: string, call: (span: Span) => Promise<Result>): Promise<Result>;
}

export function recordSpans(): RecordedSpans {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const manager = new AsyncLocalStorageContextManager().enable();
  const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
  unregister(); // what another file may have left
  context.setGlobalContextManager(manager);
  propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
  trace.setGlobalTracerProvider(provider);
  return {
    all: () => exporter.getFinishedSpans(),
    named(name, nth = 0) {
      const found = exporter.getFinishedSpans().filter((span) => span.name === name);
      if (!found[nth])
        throw new Error(`no span ${nth + 1} named "${name}" among ${namesOf(exporter.getFinishedSpans())}`);
      return found[nth];
    },
    clear: () => exporter.reset(),
    within: (name, call) =>
      provider.getTracer('test').startActiveSpan(name, async (span) => {
        try {
          return await call(span);
        } finally {
          span.end();
        }
      }),
    [Symbol.dispose]: unregister,
  };
}

function unregister(): void {
  context.disable();
  propagation.disable();
  trace.disable();
}

const namesOf = (spans: readonly ReadableSpan[]): string => spans.map(({ name }) => name).join(', ') || 'none';

/** The ids of a span, to compare. */
export const idsOf = (span: ReadableSpan): { traceId: string; spanId: string } => {
  const { traceId, spanId } = span.spanContext();
  return { traceId, spanId };
};

/** How a span hangs together with others. */
export function ties(span: ReadableSpan): {
  readonly traceId: string;
  readonly parent: string | undefined;
  readonly links: readonly string[];
} {
  return {
    traceId: span.spanContext().traceId,
    parent: span.parentSpanContext?.spanId,
    links: span.links.map(({ context }) => context.spanId),
  };
}

/** Whether any attribute, name or event of the spans holds a text. */
export function mentions(spans: readonly ReadableSpan[], text: string): boolean {
  const values = (attributes: Readonly<Record<string, AttributeValue | undefined>> = {}): string =>
    JSON.stringify(attributes);
  return spans.some((span) =>
    [
      span.name,
      values(span.attributes),
      span.status.message ?? '',
      ...span.events.map((e) => values(e.attributes)),
    ].some((shown) => shown.includes(text)),
  );
}
