import { inspect } from 'node:util';
import { BadRequestException, Injectable, UsePipes, ValidationPipe } from '@nestjs/common';
import { IsString, ValidateNested } from 'class-validator';
import { Type } from 'class-transformer';
import { expect, it } from 'vitest';
import {
  AsynqModule,
  InvalidPayloadError,
  Payload,
  TaskDistributor,
  TaskEvents,
  TaskHandler,
  TaskInspector,
  TaskScheduler,
  TaskServer,
} from './index.js';
import { RecordingLog, startApp } from './test-app.fixture.js';

const SECRET = 'hunter2-9f';

const shown = (value: unknown): string => inspect(value, { depth: 12, maxStringLength: null, showHidden: true });

class Inner {
  @IsString()
  name!: string;
}

class Letter {
  @IsString()
  to!: string;

  @ValidateNested()
  @Type(() => Inner)
  inner!: Inner;
}

const rejectWithEverything = new ValidationPipe({
  transform: true,
  exceptionFactory: (errors) => new BadRequestException(errors),
});
const rejectWithAnObject = new ValidationPipe({
  transform: true,
  exceptionFactory: (errors) => new BadRequestException({ rejected: errors }),
});

@Injectable()
class MailTasks {
  @TaskHandler('mail:plain')
  plain(@Payload() _letter: Letter): void {}

  @TaskHandler('mail:everything')
  @UsePipes(rejectWithEverything)
  everything(@Payload() _letter: Letter): void {}

  @TaskHandler('mail:object')
  @UsePipes(rejectWithAnObject)
  object(@Payload() _letter: Letter): void {}
}

const WRONG = { to: { pw: SECRET }, inner: { name: [SECRET] } };

it.each([
  ['mail:plain', 'to must be a string; inner.name must be a string'],
  ['mail:everything', 'to must be a string; name must be a string'],
  ['mail:object', 'Bad Request Exception'],
])('a payload that %s rejects is not shown in logs, events or stored data', async (type, messages) => {
  const log = new RecordingLog();
  await using app = await startApp({ providers: [MailTasks], log });
  const events: unknown[] = [];
  app.events.subscribe((event) => events.push(event));

  const { queue, id } = await app.run(type, WRONG, { headers: { token: SECRET } });

  const { lastError } = await app.context.get(TaskInspector).taskInfo(queue, id);
  expect(lastError).toBe(`invalid payload: ${messages}: skip retry for the task`);
  expect(shown([log.lines, events, lastError])).not.toContain(SECRET);
});

it('a payload that is rejected on enqueue is not shown in the error', async () => {
  await using app = await startApp({ providers: [MailTasks], asynq: { validateOnEnqueue: true } });

  const error = await app.tasks.enqueue('mail:plain', WRONG).catch((thrown: unknown) => thrown);

  expect(error).toBeInstanceOf(InvalidPayloadError);
  expect(shown(error)).not.toContain(SECRET);
});

it('a payload that is not JSON is not quoted', async () => {
  const log = new RecordingLog();
  await using app = await startApp({ providers: [MailTasks], log });

  const event = await app.run('mail:plain', Buffer.from(`pw=${SECRET}`));

  expect(event).toMatchObject({ kind: 'archived', error: { message: 'payload does not decode: not valid JSON' } });
  expect(shown([log.lines, event])).not.toContain(SECRET);
});

it('a password of the connection is not shown by any object that an app can inject or log', async () => {
  const connection = { url: `redis://user:${SECRET}@127.0.0.1:1`, options: { password: SECRET } };
  const connect = { required: false, timeout: 1 };
  const asynq = { connection, connect, validateOnEnqueue: true, worker: false };
  await using app = await startApp({ providers: [MailTasks], asynq });

  for (const token of [TaskDistributor, TaskEvents, TaskInspector, TaskScheduler, TaskServer]) {
    const part: object = app.context.get(token);
    expect(shown(part), token.name).not.toContain(SECRET);
    expect(JSON.stringify(part), token.name).not.toContain(SECRET);
  }
  expect(shown(AsynqModule.forRoot({ connection }))).not.toContain(SECRET);
});
