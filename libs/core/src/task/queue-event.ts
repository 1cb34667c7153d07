import { errorText } from '../errors/error-text.js';
import type { TaskEvent } from './task-event.js';

/** Longer texts of errors are cut: the whole text is with the task. */
const LONGEST_ERROR = 1_000;

/** The error of an event as its text. */
type WithErrorText<Event> = Event extends { readonly error: unknown }
  ? Omit<Event, 'error'> & { readonly error: string }
  : Event;

/** Kinds of events that are published. */
export type PublishedKind = TaskEvent['kind'];

/** What a queue's stream says about a task; see {@link TaskEvent}. An error is its text, cut after 1,000 characters. */
export type PublishedEvent = WithErrorText<TaskEvent>;

/**
 * Events before this one are missing: a program could not publish them (`count` says how many), or they may have left
 * the stream before they were read (`count` is `undefined`).
 */
export interface MissedEvents {
  readonly kind: 'missed';
  readonly queue: string;
  readonly count: number | undefined;
  readonly at: Date;
}

/** An event of a queue, whichever process it happened in. `eventId` says where to continue after it. */
export type QueueEvent = { readonly eventId: string } & (PublishedEvent | MissedEvents);

/** An event without what only this process can read. */
export function publishedEvent(event: TaskEvent): PublishedEvent {
  if (!('error' in event)) return event;
  return { ...event, error: errorText(event.error).slice(0, LONGEST_ERROR).toWellFormed() };
}
