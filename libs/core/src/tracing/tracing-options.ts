import type { TracerProvider } from '@opentelemetry/api';
import type { Duration } from '../runtime/duration.js';
import { OptionReader } from '../runtime/option-reader.js';

/** Which spans there are, and how they hang together. */
export interface TracingOptions {
  /**
   * `true`: every attempt begins a trace of its own, with a link to the span that enqueued the task. Default `false`: the
   * first attempt of a task continues its trace, unless it waited for longer than `parentWithin`; a retry never does.
   */
  readonly linkOnly?: boolean | undefined;
  /** How long after the enqueue a first attempt still continues the trace. Default `'1m'`. */
  readonly parentWithin?: Duration | undefined;
  /**
   * A span `create` for each task of `enqueueMany`, which its attempts are linked to. Default `true`; `false`: they are
   * linked to the span of the call.
   */
  readonly createSpans?: boolean | undefined;
  /** A span for each call of `enqueueMany`, beside those of its tasks. Default `true`. */
  readonly batchSpans?: boolean | undefined;
  /** The size of the payload as an attribute. Default `false`. Payloads themselves are never recorded. */
  readonly bodySize?: boolean | undefined;
  /** Default: the one that the program has registered with `@opentelemetry/api`. */
  readonly tracerProvider?: TracerProvider | undefined;
}

/** {@link TracingOptions}, checked. */
export interface TracingSettings {
  readonly linkOnly: boolean;
  readonly parentWithinMs: number;
  readonly createSpans: boolean;
  readonly batchSpans: boolean;
  readonly bodySize: boolean;
  readonly tracerProvider: TracerProvider | undefined;
}

const OPTION_NAMES: readonly (keyof TracingOptions)[] = [
  'linkOnly',
  'parentWithin',
  'createSpans',
  'batchSpans',
  'bodySize',
  'tracerProvider',
];

const DEFAULT_PARENT_WITHIN_MS = 60_000;

/** @throws {InvalidOptionsError} an option is wrong; all of them at once */
export function readTracingOptions(options: TracingOptions): TracingSettings {
  const reader = new OptionReader(options);
  reader.onlyKnown(OPTION_NAMES);
  const settings: TracingSettings = {
    linkOnly: reader.boolean('linkOnly', false),
    parentWithinMs: reader.duration('parentWithin', DEFAULT_PARENT_WITHIN_MS),
    createSpans: reader.boolean('createSpans', true),
    batchSpans: reader.boolean('batchSpans', true),
    bodySize: reader.boolean('bodySize', false),
    tracerProvider: reader.callable('tracerProvider', undefined, ['getTracer']),
  };
  if (!settings.createSpans && !settings.batchSpans) {
    reader.refuse('createSpans', 'true where "batchSpans" is false: the tasks need a span to be linked to');
  }
  reader.throwIfWrong();
  return settings;
}
