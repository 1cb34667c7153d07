import { silentLogger, type TaskEvent } from '@nestjs-asynq/core';
import { map, take } from 'rxjs';
import { expect, expectTypeOf, it, vi } from 'vitest';
import { TaskEvents } from './task-events.js';

const started: TaskEvent = { kind: 'started', id: '1', type: 'mail', queue: 'default', at: new Date(0), retried: 0 };
const requeued: TaskEvent = { kind: 'requeued', id: '2', type: 'mail', queue: 'default', at: new Date(0) };

function makeEvents(): { events: TaskEvents; errors: unknown[] } {
  const errors: unknown[] = [];
  const error = (_message: string, fields?: object): void => void errors.push((fields as { error: unknown }).error);
  return { events: new TaskEvents({ ...silentLogger, error }), errors };
}

it('passes every event to every subscriber', () => {
  const { events } = makeEvents();
  const [first, second] = [vi.fn<(event?: unknown) => void>(), vi.fn<(event?: unknown) => void>()];
  events.subscribe(first);
  events.subscribe({ next: second });

  events.listener(started);

  expect(first.mock.calls).toEqual([[started]]);
  expect(second.mock.calls).toEqual([[started]]);
});

it('is idle while nobody subscribes, so that no events are created', () => {
  const { events } = makeEvents();

  const before = events.listener.isIdle;
  const subscription = events.of('started').subscribe();
  const during = events.listener.isIdle;
  subscription.unsubscribe();

  expect([before, during, events.listener.isIdle]).toEqual([true, false, true]);
});

it('passes events to plain listeners, too, and is not idle meanwhile', () => {
  const { events } = makeEvents();
  const listener = vi.fn<(event: TaskEvent) => void>();

  const end = events.listen(listener);
  const during = events.listener.isIdle;
  events.listener(started);
  end();
  events.listener(started);

  expect([during, events.listener.isIdle]).toEqual([false, true]);
  expect(listener).toHaveBeenCalledExactlyOnceWith(started);
});

it('filters one kind, with its own fields', () => {
  const { events } = makeEvents();
  const ids: string[] = [];
  events.of('started').subscribe((event) => {
    expectTypeOf(event.retried).toEqualTypeOf<number>();
    ids.push(event.id);
  });

  events.listener(requeued);
  events.listener(started);

  expect(ids).toEqual(['1']);
});

it('logs the error of a subscriber and continues', () => {
  const { events, errors } = makeEvents();
  const other = vi.fn<(event?: unknown) => void>();
  events.subscribe(() => {
    throw new Error('broken');
  });
  events.subscribe(other);

  events.listener(started);
  events.listener(started);

  expect(other).toHaveBeenCalledTimes(2);
  return expect.poll(() => errors).toEqual([new Error('broken'), new Error('broken')]);
});

it('survives a logger that throws', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const fail = (): never => {
    throw new Error('broken');
  };
  const events = new TaskEvents({ ...silentLogger, error: fail });
  events.subscribe(fail);

  events.listener(started);

  await expect.poll(() => said).toHaveBeenCalledOnce();
});

it('logs the rejection of an async subscriber', async () => {
  const { events, errors } = makeEvents();
  // oxlint-disable-next-line typescript/no-misused-promises -- a mistake that RxJS cannot see either
  events.subscribe(async () => {
    throw new Error('late');
  });

  events.listener(started);

  await expect.poll(() => errors).toEqual([new Error('late')]);
});

it('logs an error inside a chain of operators, instead of throwing it from a timer', async () => {
  const { events, errors } = makeEvents();
  const listener = vi.fn<(event?: unknown) => void>();
  events
    .of('started')
    .pipe(
      map((): string => {
        throw new Error('in map');
      }),
      take(5),
    )
    .subscribe(listener);

  events.listener(started);

  await expect.poll(() => errors).toEqual([new Error('in map')]);
  expect(listener).not.toHaveBeenCalled();
});

it('leaves errors to a subscriber that handles them', async () => {
  const { events, errors } = makeEvents();
  const onError = vi.fn<(event?: unknown) => void>();
  const failing = events.pipe(
    map(() => {
      throw new Error('in map');
    }),
  );
  failing.subscribe({ error: onError });

  events.listener(started);

  await expect.poll(() => onError).toHaveBeenCalledWith(new Error('in map'));
  expect(errors).toEqual([]);
});

it('stops for a subscriber that unsubscribed, and completes for the others', async () => {
  const { events } = makeEvents();
  const [gone, complete] = [vi.fn<(event?: unknown) => void>(), vi.fn<(event?: unknown) => void>()];
  events.subscribe(gone).unsubscribe();
  events.subscribe({ complete });

  events.listener(started);
  events.complete();

  expect(gone).not.toHaveBeenCalled();
  await expect.poll(() => complete).toHaveBeenCalledOnce();
});
