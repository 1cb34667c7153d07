import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { openBroker } from '@nestjs-asynq/core';
import { expect, it, vi } from 'vitest';
import { type AsynqModuleOptions, TaskHandler, TaskServer } from '../index.js';
import { startApp, type TestApp } from '../test-app.fixture.js';
import { AsynqHealthIndicator, type AsynqHealthOptions } from './asynq.health.js';

class MailTasks {
  @TaskHandler('mail:send')
  send(): void {}
}

const start = (asynq: Partial<AsynqModuleOptions> = {}): Promise<TestApp> =>
  startApp({ imports: [TerminusModule], providers: [MailTasks, AsynqHealthIndicator], asynq });

it('is up while Redis answers and the server runs', async () => {
  await using app = await start();
  const indicator = app.context.get(AsynqHealthIndicator);

  const result = await app.context.get(HealthCheckService).check([() => indicator.check('queue')]);

  expect(result).toMatchObject({ status: 'ok', info: { queue: { status: 'up', server: 'active' } } });
});

it('is up in a process that only enqueues', async () => {
  await using app = await start({ worker: false });

  const result = await app.context.get(AsynqHealthIndicator).check('queue');

  expect(result).toEqual({ queue: { status: 'up', server: 'off' } });
});

it('is down when Redis fails', async () => {
  const connection = openBroker('memory');
  await using app = await start({ connection });
  connection.ping = () => Promise.reject(new Error('connection lost'));

  const result = await app.context.get(AsynqHealthIndicator).check('queue');

  expect(result).toEqual({ queue: { status: 'down', server: 'active', message: 'connection lost' } });
});

it('is down when Redis is silent', async () => {
  const connection = openBroker('memory');
  await using app = await start({ connection });
  connection.ping = () => new Promise<void>(() => undefined);

  const result = await app.context.get(AsynqHealthIndicator).check('queue', { timeout: '5ms' });

  expect(result.queue).toMatchObject({ status: 'down', message: 'Redis did not answer within 5 ms' });
});

it('is down once the server has stopped', async () => {
  await using app = await start();
  await app.context.get(TaskServer).shutdown();

  const result = await app.context.get(AsynqHealthIndicator).check('queue');

  expect(result).toEqual({ queue: { status: 'down', server: 'closed' } });
});

it('counts the slots that are lost to deaf handlers, and is down when all are', async () => {
  await using app = await start();
  const server = app.context.get(TaskServer);
  const indicator = app.context.get(AsynqHealthIndicator);
  const slots = vi.spyOn(server, 'slots', 'get');

  const results = [];
  for (const lost of [1, 2]) {
    slots.mockReturnValue({ total: 2, lost });
    results.push(await indicator.check('queue'));
  }

  expect(results).toEqual([
    { queue: { status: 'up', server: 'active', lostSlots: 1 } },
    { queue: expect.objectContaining({ status: 'down', lostSlots: 2 }) as unknown },
  ]);
});

it('refuses unknown options and an invalid timeout', async () => {
  await using app = await start();
  const options = { timeoutMs: 5, timeout: 0 } as AsynqHealthOptions;

  await expect(app.context.get(AsynqHealthIndicator).check('queue', options)).rejects.toThrow(/timeoutMs.*timeout/s);
});

it('names the missing connection', async () => {
  await using app = await start();

  await expect(app.context.get(AsynqHealthIndicator).check('queue', { connection: 'billing' })).rejects.toThrow(
    'billing',
  );
});
