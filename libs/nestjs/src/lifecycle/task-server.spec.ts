import { Injectable } from '@nestjs/common';
import { openBroker } from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { expect, it } from 'vitest';
import { TaskHandler } from '../index.js';
import { Moment, RecordingLog, startApp } from '../test-app.fixture.js';
import { TaskServer } from './task-server.js';

@Injectable()
class MailTasks {
  @TaskHandler('mail:send')
  send(): void {}
}

it('only enqueues with worker: false', async () => {
  const broker = openBroker('memory');
  await using app = await startApp({ providers: [MailTasks], asynq: { connection: broker, worker: false } });

  await app.tasks.enqueue('mail:send');

  expect(app.context.get(TaskServer).state).toBe('off');
  expect((await broker.queueStats('default'))?.counts.pending).toBe(1);
});

it('logs at boot what it handles, and in which queues', async () => {
  const log = new RecordingLog();

  await using app = await startApp({ providers: [MailTasks], asynq: { queues: { critical: 6, low: 1 } }, log });

  expect(app.context.get(TaskServer).state).toBe('active');
  expect(log.lines.join('\n')).toContain('handling mail:send in "critical", "low"');
});

it('only enqueues without handlers', async () => {
  await using app = await startApp({});

  expect(app.context.get(TaskServer).state).toBe('off');
  await expect(app.context.get(TaskServer).start()).rejects.toThrow(
    'connection "default" has nothing to start: no provider has a @TaskHandler',
  );
});

it('waits for start() with autoStart: false', async () => {
  await using app = await startApp({ providers: [MailTasks], asynq: { autoStart: false } });
  const server = app.context.get(TaskServer);

  const { id } = await app.tasks.enqueue('mail:send');
  const before = server.state;
  const ended = new Promise((resolve) => app.events.of('succeeded').subscribe((event) => resolve(event.id)));
  await server.start();

  expect([before, server.state]).toEqual(['new', 'active']);
  expect(await ended).toBe(id);
  await expect(server.start()).rejects.toThrow('already running');
});

it('shares a broker between an app that enqueues and one that works', async () => {
  const broker = openBroker('memory');
  const handled = new Moment<unknown>();
  class Tasks {
    @TaskHandler('mail:send')
    send(payload: unknown): void {
      handled.resolve(payload);
    }
  }
  await using worker = await startApp({ providers: [Tasks], asynq: { connection: broker } });
  await using producer = await startApp({ asynq: { connection: broker, worker: false } });

  await producer.tasks.enqueue('mail:send', 'hello');

  expect(await handled.promise).toBe('hello');
  expect(worker.context.get(TaskServer).state).toBe('active');
});

it('refuses start() with worker: false', async () => {
  await using app = await startApp({ providers: [MailTasks], asynq: { worker: false } });

  await expect(app.context.get(TaskServer).start()).rejects.toThrow(
    'connection "default" has nothing to start: its option "worker" is false',
  );
});

it('takes no more tasks after stop()', async () => {
  const broker = openBroker('memory');
  await using app = await startApp({ providers: [MailTasks], asynq: { connection: broker } });
  const server = app.context.get(TaskServer);

  await server.stop();
  await app.tasks.enqueue('mail:send');

  expect(server.state).toBe('stopped');
  expect((await broker.queueStats('default'))?.counts.pending).toBe(1);
});

it('pauses and resumes this process', async () => {
  const broker = openBroker('memory');
  await using app = await startApp({ providers: [MailTasks], asynq: { connection: broker } });
  const server = app.context.get(TaskServer);

  await server.pause();
  const { id } = await app.tasks.enqueue('mail:send');
  const whilePaused = [server.isPaused, server.state, (await broker.queueStats('default'))?.counts.pending];
  const ended = new Promise((resolve) => app.events.of('succeeded').subscribe((event) => resolve(event.id)));
  server.resume();

  expect(whilePaused).toEqual([true, 'active', 1]);
  expect(await ended).toBe(id);
  expect(server.isPaused).toBe(false);
});

it('refuses to pause a process that only enqueues', async () => {
  await using app = await startApp({});

  await expect(app.context.get(TaskServer).pause()).rejects.toThrow('cannot pause the server');
});

it('runs no more tasks of a handler or a queue at one time than they allow', async () => {
  const mayEnd = new Moment();
  const running: Record<string, number> = {};
  class Tasks {
    @TaskHandler('image:resize', { concurrency: 2 })
    async resize(): Promise<void> {
      running['resize'] = (running['resize'] ?? 0) + 1;
      await mayEnd.promise;
    }

    @TaskHandler('video:cut')
    async cut(): Promise<void> {
      running['cut'] = (running['cut'] ?? 0) + 1;
      await mayEnd.promise;
    }
  }
  const queues = { default: 1, videos: { weight: 1, concurrency: 3 } };
  await using app = await startApp({ providers: [Tasks], asynq: { queues, concurrency: 20 } });

  const many = Array.from({ length: 8 });
  await app.tasks.enqueueMany(many.map(() => ({ type: 'image:resize' })));
  await app.tasks.enqueueMany(many.map(() => ({ type: 'video:cut', options: { queue: 'videos' } })));
  await expect.poll(() => running).toEqual({ resize: 2, cut: 3 });
  await new Promise((resolve) => void setImmediate(resolve));

  expect(running).toEqual({ resize: 2, cut: 3 });
  mayEnd.resolve();
  await expect.poll(() => running).toEqual({ resize: 8, cut: 8 });
});

it("prefers a handler's own retryDelay and isFailure to the module's", async () => {
  class Tasks {
    @TaskHandler('limited', { retryDelay: () => 5_000, isFailure: () => false })
    limited(): void {
      throw new Error('rate limited');
    }

    @TaskHandler('plain')
    plain(): void {
      throw new Error('boom');
    }
  }
  await using app = await startApp({ providers: [Tasks], asynq: { clock: new FakeClock(), retryDelay: () => 60_000 } });

  const ends = [await app.run('limited'), await app.run('plain')];

  const told = ends.map(
    (end) => end.kind === 'retried' && [end.isFailure, end.nextProcessAt.getTime() - end.at.getTime()],
  );
  expect(told).toEqual([
    [false, 5_000],
    [true, 60_000],
  ]);
});
