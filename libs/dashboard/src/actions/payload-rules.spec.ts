import 'reflect-metadata';
import { Injectable } from '@nestjs/common';
import { IsEmail, IsInt, Min } from 'class-validator';
import { Payload, TaskHandler } from 'nestjs-asynq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestDashboard, useTestAssets } from '../test-dashboard.fixture.js';

class Welcome {
  @IsInt() @Min(1) memberId!: number;
  @IsEmail() to!: string;
}

@Injectable()
class MailTasks {
  @TaskHandler('email:welcome')
  welcome(@Payload() _payload: Welcome) {}
}

describe('a payload that a person gives', () => {
  let dash: TestDashboard;

  beforeAll(async () => {
    useTestAssets();
    dash = await startTestApp({ providers: [MailTasks], asynq: { worker: false } });
    await dash.tasks.enqueue('email:welcome', { memberId: 0 }, { queue: 'q', taskId: 'wrong', processIn: '1h' });
  });

  afterAll(() => dash.app.close());

  const text = (data: string) => ({ encoding: 'text', data });
  const make = (payload: object, type = 'email:welcome') =>
    dash.post('/monitoring/api/tasks/new', { queue: 'q', type, payload });
  const sizeOf = async (queue: string) => (await dash.inspector.queueInfo(queue)).size;

  it('is refused when the class of the handler forbids it, with each rule that it breaks', async () => {
    const { status, body } = await make(text('{"memberId":0,"to":"ada"}'));

    expect([status, body.error.code]).toEqual([400, 'INVALID_PAYLOAD']);
    expect(body.error.problems).toEqual([
      { field: 'payload', allowed: 'memberId must not be less than 1' },
      { field: 'payload', allowed: 'to must be an email' },
    ]);
    expect(await sizeOf('q')).toBe(1);
    expect(dash.actions.at(-1)).toMatchObject({ action: 'newTask', count: 0, failed: 1 });
  });

  it.each([
    ['no JSON', text('not JSON')],
    ['no text', { encoding: 'base64', data: '/wA=' }],
    ['nothing', text('')],
  ])('is refused when it is %s', async (_what, payload) => {
    const { body } = await make(payload);

    expect(body.error.code).toBe('INVALID_PAYLOAD');
    expect(await sizeOf('q')).toBe(1);
  });

  it('is enqueued when it fits, byte for byte, also for a type that begins like that of the handler', async () => {
    const data = '{"memberId": 7.0, "to": "ada@example.com"}';
    const made = await make(text(data), 'email:welcome:again');
    const stored = await dash.inspector.taskInfo('q', made.body.id);
    await dash.inspector.deleteTask('q', made.body.id);

    expect(made.status).toBe(200);
    expect(Buffer.from(stored.payload).toString()).toBe(data);
  });

  it('passes for a type that this app does not handle: another program decides', async () => {
    const { status, body } = await make(text('{}'), 'report');
    await dash.inspector.deleteTask('q', body.id);

    expect(status).toBe(200);
  });

  it('is held to the same rules in an edited task and in a copy with another one', async () => {
    const task = { queue: 'q', id: 'wrong' };
    const wrong = { ...task, payload: text('{"memberId":1,"to":"nobody"}') };
    const edited = await dash.post('/monitoring/api/task/payload', wrong);
    const copied = await dash.post('/monitoring/api/task/again', wrong);
    const asItWas = await dash.post('/monitoring/api/task/again', { ...task, target: 'copies' });

    expect([edited.body.error.code, copied.body.error.code]).toEqual(['INVALID_PAYLOAD', 'INVALID_PAYLOAD']);
    expect(Buffer.from((await dash.inspector.taskInfo('q', 'wrong')).payload).toString()).toBe('{"memberId":0}');
    expect([asItWas.status, await sizeOf('q'), await sizeOf('copies')]).toEqual([200, 1, 1]);
  });
});
