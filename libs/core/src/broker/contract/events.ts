/** Limits of the stream of a queue. */
export interface EventLimits {
  /** How many events the stream keeps at least; at times a few more. */
  readonly maxLength: number;
  /** How long it is kept after its last event, ms. */
  readonly lifeMs: number;
}

/** One entry of a stream. */
export interface StoredEvent {
  /** `<unix ms>-<number>`; later entries have higher ids. */
  readonly id: string;
  /** As it was given to `publishEvents`. */
  readonly event: string;
}

/** Before the first entry of every stream. */
export const BEFORE_ALL_EVENTS = '0-0';

/** Maximum number of entries in one reply. */
export const MOST_EVENTS = 500;

/**
 * A stream of events for each queue, of bounded length, for programs that show what happens. A help: no task depends on
 * it.
 */
export interface EventOps {
  /** Appends events in their order, in one step, and tells readers. Not repeated: they may be lost, or be there twice. */
  publishEvents(queue: string, events: readonly string[], limits: EventLimits): Promise<void>;
  /** The first entries from an id on, that of the id included; {@link MOST_EVENTS} and one at most. */
  readEvents(queue: string, fromId: string): Promise<StoredEvent[]>;
  /** The id of the newest entry; {@link BEFORE_ALL_EVENTS} when there is none. */
  lastEventId(queue: string): Promise<string>;
  /**
   * Calls back when events were appended, with the id of the last one. A hint only: it may be lost. Resolves to a
   * function that ends the subscription.
   */
  onEvents(queue: string, listener: (lastId: string) => void): Promise<() => Promise<void>>;
}
