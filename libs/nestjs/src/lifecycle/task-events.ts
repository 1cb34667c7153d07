import type { Logger, TaskEvent } from '@nestjs-asynq/core';
import { guardLogger, type TaskEventListener } from '@nestjs-asynq/core/internal';
import { hideFromLogs } from './hidden-fields.js';
import { filter, Observable, type Observer, type Operator, Subject, Subscriber, type Subscription } from 'rxjs';

/** One kind of event, with its own fields. */
export type TaskEventOf<Kind extends TaskEvent['kind']> = Extract<TaskEvent, { kind: Kind }>;

/**
 * The events of tasks in this process, as a stream of {@link TaskEvent}. Hot: a subscriber receives events from then on.
 * Completes when the app has shut down. Errors of a subscriber are logged and affect nothing else.
 */
export class TaskEvents extends Observable<TaskEvent> {
  private readonly events: Subject<TaskEvent>;
  private readonly listeners = new Set<TaskEventListener>();
  private readonly logger: Logger;
  /** For the module: passes events on, and is idle while nobody subscribes. */
  readonly listener: TaskEventListener;

  constructor(logger: Logger) {
    const events = new Subject<TaskEvent>();
    super((subscriber) => events.subscribe(subscriber));
    this.events = events;
    this.logger = guardLogger(logger);
    const { listeners } = this;
    const pass = (event: TaskEvent): void => {
      for (const listener of listeners) listener(event);
      if (events.observed) events.next(event);
    };
    this.listener = Object.defineProperty(pass, 'isIdle', { get: () => !events.observed && listeners.size === 0 });
    hideFromLogs(this, 'events', 'listeners', 'logger', 'listener');
  }

  /**
   * For our own packages: calls `listener` with each event, without the cost of a stream. It must not throw.
   * @returns ends it
   */
  listen(listener: TaskEventListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Events of one kind: `events.of('archived').subscribe(({ id, error }) => …)`. */
  of<Kind extends TaskEvent['kind']>(kind: Kind): Observable<TaskEventOf<Kind>> {
    return this.pipe(filter((event): event is TaskEventOf<Kind> => event.kind === kind));
  }

  /** For the module. */
  complete(): void {
    this.events.complete();
  }

  // RxJS builds the result of every operator with `lift`; so streams made of this one guard their subscribers too.
  override lift<R>(operator?: Operator<TaskEvent, R>): Observable<R> {
    return guarded(super.lift(operator), this.logger);
  }

  /** As for every Observable, except that errors of the observer are logged. */
  override subscribe(...args: SubscribeArguments<TaskEvent>): Subscription {
    return super.subscribe(guardObserver(args, this.logger));
  }
}

/** As `subscribe` of an Observable takes them. */
export type SubscribeArguments<Value> = [
  observerOrNext?: Partial<Observer<Value>> | ((value: Value) => void) | null,
  error?: ((error: unknown) => void) | null,
  complete?: (() => void) | null,
];

/** RxJS rethrows an unhandled error from a timer, which would end the process. */
function guarded<Value>(stream: Observable<Value>, logger: Logger): Observable<Value> {
  const [lift, subscribe] = [stream.lift.bind(stream), stream.subscribe.bind(stream)];
  stream.lift = <R>(operator?: Operator<Value, R>) => guarded<R>(lift(operator), logger);
  stream.subscribe = (...args: SubscribeArguments<Value>) => subscribe(guardObserver(args, logger));
  return stream;
}

function guardObserver<Value>(
  [first, error, complete]: SubscribeArguments<Value>,
  logger: Logger,
): Partial<Observer<Value>> {
  // The observer of an operator, which passes errors on to the final subscriber.
  if (first instanceof Subscriber) return first;
  const given = typeof first === 'function' || !first ? { next: first, error, complete } : first;
  const report = (thrown: unknown): void => logger.error('a subscriber of TaskEvents failed', { error: thrown });
  const guard =
    <Argument>(call: ((argument: Argument) => unknown) | null | undefined) =>
    (argument: Argument) => {
      // Also catches the rejection of an async function.
      new Promise((resolve) => resolve(call?.call(given, argument))).catch(report);
    };
  return {
    next: guard(given.next),
    error: given.error ? guard(given.error) : report,
    complete: () => guard(given.complete)(undefined),
  };
}
