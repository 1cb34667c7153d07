import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { Controller, Headers, type INestApplication, type MessageEvent, Module, Param, Sse } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClosedError, type QueueEvent } from '@nestjs-asynq/core';
import { firstValueFrom, lastValueFrom, type Observable, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { AsynqModule, Ctx, TaskDistributor, type TaskContext, TaskHandler, TaskQueueEvents } from '../index.js';
import { startApp } from '../test-app.fixture.js';

class ReportTasks {
  @TaskHandler('report')
  build(@Ctx() context: TaskContext): void {
    context.progress(0.5, 'half');
  }
}

@Controller()
class ProgressController {
  constructor(private readonly events: TaskQueueEvents) {}

  @Sse('reports/:id/events')
  follow(@Param('id') taskId: string, @Headers('last-event-id') after = '0'): Observable<MessageEvent> {
    return this.events.messages('default', { taskId, after });
  }
}

describe('TaskQueueEvents', () => {
  it('shows what other processes do with the tasks of a queue', async () => {
    const memory = randomUUID();
    const publishing = { connection: { memory }, publishEvents: true };
    await using api = await startApp({ asynq: { ...publishing, worker: false } });
    await using worker = await startApp({ providers: [ReportTasks], asynq: publishing });
    const seen = lastValueFrom(
      api.context.get(TaskQueueEvents).follow('default', { after: '0' }).pipe(take(4), toArray()),
    );

    await api.tasks.enqueue('report', undefined, { taskId: 'r' });
    const kinds = (await seen).map(({ kind }) => kind);

    expect(worker.context).toBeDefined();
    expect(kinds).toEqual(['enqueued', 'started', 'progressed', 'succeeded']);
  });

  it('publishes nothing by default', async () => {
    await using app = await startApp({ providers: [ReportTasks] });
    const events: QueueEvent[] = [];
    const subscription = app.context
      .get(TaskQueueEvents)
      .follow('default', { after: '0' })
      .subscribe((event) => events.push(event));

    await app.run('report');
    await new Promise(setImmediate);
    subscription.unsubscribe();

    expect(events).toEqual([]);
  });

  it('reports a wrong option to the subscriber', async () => {
    await using app = await startApp({});
    const events = app.context.get(TaskQueueEvents);

    await expect(firstValueFrom(events.follow('default', { after: 'never' }))).rejects.toThrow('option "after"');
  });

  it('ends with the app', async () => {
    const app = await startApp({});
    const events = app.context.get(TaskQueueEvents);
    const ended = lastValueFrom(events.follow('default'), { defaultValue: 'ended' });

    await app[Symbol.asyncDispose]();

    expect(await ended).toBe('ended');
    expect(() => events.read('default')).toThrow(ClosedError);
  });
});

describe('a @Sse() endpoint', () => {
  it('sends the events of a task, and continues after the last one that the browser has', async () => {
    @Module({
      imports: [AsynqModule.forRoot({ connection: { memory: randomUUID() }, publishEvents: true })],
      controllers: [ProgressController],
      providers: [ReportTasks],
    })
    class AppModule {}
    const app: INestApplication = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    const tasks = app.get(TaskDistributor);
    for (const taskId of ['other', 'mine']) await tasks.enqueue('report', undefined, { taskId });

    const all = await readMessages(app, 'mine', 4);
    const rest = await readMessages(app, 'mine', 2, all[1]!.id);
    await app.close(); // although no client has ended its response

    expect(all.map(({ event }) => event)).toEqual(['enqueued', 'started', 'progressed', 'succeeded']);
    expect(all.map(({ data }) => data['id'])).toEqual(['mine', 'mine', 'mine', 'mine']);
    expect(all[2]!.data).toMatchObject({ share: 0.5, note: 'half', queue: 'default' });
    expect(rest).toEqual(all.slice(2));
  });
});

interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The first messages of a stream, as a browser reads it. */
async function readMessages(app: INestApplication, id: string, count: number, lastId?: string): Promise<Message[]> {
  const { port } = app.getHttpServer().address() as AddressInfo;
  const headers = { accept: 'text/event-stream', ...(lastId !== undefined && { 'last-event-id': lastId }) };
  const response = await fetch(`http://127.0.0.1:${port}/reports/${id}/events`, { headers });
  let text = '';
  const messages: Message[] = [];
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    messages.length = 0;
    for (const block of text.split('\n\n').slice(0, -1)) {
      const fields = new Map(
        block
          .trim()
          .split('\n')
          .map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]),
      );
      if (!fields.has('data')) continue;
      messages.push({
        id: fields.get('id') ?? '',
        event: fields.get('event') ?? '',
        data: JSON.parse(fields.get('data')!) as Message['data'],
      });
    }
    if (messages.length >= count) break; // which cancels the response
  }
  return messages.slice(0, count);
}
