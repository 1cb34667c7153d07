import type { EventLimits } from '../broker/contract/events.js';
import type { Duration } from '../runtime/duration.js';
import { OptionReader } from '../runtime/option-reader.js';
import type { PublishedKind } from '../task/queue-event.js';
import { TASK_EVENT_KINDS } from '../task/task-event.js';

/** Which events a program publishes to the streams of their queues, and how much of these is kept. */
export interface PublishOptions {
  /** How many events the stream of a queue keeps, 1 to 1,000,000; at times some more. Default 10,000. */
  readonly maxLength?: number | undefined;
  /** How long the stream of a queue is kept after its last event, at least `'1s'`. Default `'1d'`. */
  readonly maxAge?: Duration | undefined;
  /** Default: all kinds. Fewer cost less. */
  readonly kinds?: readonly PublishedKind[] | undefined;
}

/** {@link PublishOptions}, checked. */
export interface PublishSettings {
  readonly limits: EventLimits;
  readonly kinds: ReadonlySet<PublishedKind>;
}

const DEFAULT_LENGTH = 10_000;
const GREATEST_LENGTH = 1_000_000;
const DAY_MS = 24 * 3_600_000;
const LONGEST_LIFE_MS = 365 * DAY_MS;

/** Reads the option `publishEvents`; `undefined`: nothing is published. Problems are reported to the reader. */
export function readPublishOptions(
  reader: OptionReader,
  given: boolean | PublishOptions | undefined,
): PublishSettings | undefined {
  if (given === undefined || given === false) return undefined;
  const own = new OptionReader(given === true ? {} : given, 'publishEvents.');
  own.onlyKnown(['maxLength', 'maxAge', 'kinds']);
  const settings: PublishSettings = {
    limits: {
      maxLength: own.wholeNumber('maxLength', DEFAULT_LENGTH, 1, GREATEST_LENGTH),
      lifeMs: Math.ceil(own.duration('maxAge', DAY_MS, { minMs: 1_000, maxMs: LONGEST_LIFE_MS })),
    },
    kinds: new Set(readKinds(own, given === true ? undefined : given?.kinds)),
  };
  reader.add(...own.problems);
  return settings;
}

function readKinds(own: OptionReader, given: PublishOptions['kinds']): readonly PublishedKind[] {
  if (given === undefined) return TASK_EVENT_KINDS;
  const isFine = Array.isArray(given) && given.length > 0 && given.every((kind) => TASK_EVENT_KINDS.includes(kind));
  if (!isFine) own.refuse('kinds', `an array of some of ${TASK_EVENT_KINDS.join(', ')}`);
  return isFine ? given : [];
}
