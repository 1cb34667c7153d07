import { type QueueEvent, QueueEvents } from '@nestjs-asynq/core';
import type { ReadEventsOptions } from '@nestjs-asynq/core/internal';
import { map, Observable } from 'rxjs';

/** A message of a `@Sse()` endpoint, with the event as its data. */
export interface QueueEventMessage {
  /** The `eventId`: a browser that reconnects sends the last one as `Last-Event-ID`. */
  readonly id: string;
  /** The kind of the event. */
  readonly type: string;
  readonly data: QueueEvent;
}

/**
 * The events of a queue in all processes that publish them (option `publishEvents`); `TaskEvents` are those of this process.
 * Inject it by its class; `@InjectTaskQueueEvents(name)` for a named connection. Streams complete when the app shuts
 * down.
 */
export class TaskQueueEvents extends QueueEvents {
  /**
   * The events of a queue as an Observable, which reads while it is subscribed to.
   * @throws as `read`, at the subscription
   */
  follow(queue: string, options: Omit<ReadEventsOptions, 'signal'> = {}): Observable<QueueEvent> {
    return new Observable((subscriber) => {
      const stream = this.read(queue, options);
      const pass = async (): Promise<void> => {
        for await (const event of stream) subscriber.next(event);
      };
      pass().then(
        () => subscriber.complete(),
        (error: unknown) => subscriber.error(error),
      );
      return () => void stream.return();
    });
  }

  /** The same as messages for a `@Sse()` endpoint. */
  messages(queue: string, options: Omit<ReadEventsOptions, 'signal'> = {}): Observable<QueueEventMessage> {
    return this.follow(queue, options).pipe(map((data) => ({ id: data.eventId, type: data.kind, data })));
  }
}
