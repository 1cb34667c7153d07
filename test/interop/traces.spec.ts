import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { SpanKind } from '@opentelemetry/api';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { Controller, Inject, type INestApplication, Injectable, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Client, type Handler, Server, silentLogger } from '@nestjs-asynq/core';
import { openTelemetry } from '@nestjs-asynq/core/tracing';
import { AsynqModule, TaskDistributor, TaskHandler } from 'nestjs-asynq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { GoPeer, hasGoPeer } from '../support/go-peer.js';
import { idsOf, type RecordedSpans, recordSpans, ties } from '../support/recorded-spans.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

const mails = new Conditions();
let sent = 0;

@Controller('members')
class MembersController {
  constructor(@Inject(TaskDistributor) private readonly tasks: TaskDistributor) {}

  @Post()
  async create(): Promise<void> {
    const mail = { type: 'mail:send', queue: 'nest', payload: { to: 'ada' } };
    await this.tasks.enqueue('member:forward', mail, { queue: 'go' });
  }
}

@Injectable()
class MailTasks {
  @TaskHandler('mail:send')
  send(): void {
    sent++;
    mails.check();
  }
}

describe.skipIf(!hasGoPeer)('a trace through Go', () => {
  let spans: RecordedSpans;
  let http: HttpInstrumentation;
  let redis: RedisServer;
  let go: GoPeer;

  beforeAll(async () => {
    spans = recordSpans();
    http = new HttpInstrumentation();
    createRequire(import.meta.url)('node:http'); // instrumentations patch a module when it is required
    redis = await startRedis();
    go = new GoPeer(redis);
    await go.serve({ queues: { go: 1 }, concurrency: 2, taskCheckIntervalMs: 20, retryDelayMs: 600_000 });
  });

  afterAll(async () => {
    http.disable();
    spans[Symbol.dispose]();
    await go[Symbol.asyncDispose]();
    await redis.stop();
  });

  it('leads from a request to Nest over a worker in Go to a worker in Nest', async () => {
    @Module({
      imports: [AsynqModule.forRoot({ connection: { url: redis.url }, queues: { nest: 1 }, tracing: openTelemetry() })],
      controllers: [MembersController],
      providers: [MailTasks],
    })
    class AppModule {}
    const app: INestApplication = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');

    const { port } = app.getHttpServer().address() as AddressInfo;
    await fetch(`http://127.0.0.1:${port}/members`, { method: 'POST' });
    await mails.until(() => sent === 1);
    await app.close();

    const request = spans.all().find(({ kind }) => kind === SpanKind.SERVER)!;
    const enqueued = spans.named('enqueue go');
    const [inGo, enqueuedInGo] = ['process go', 'enqueue nest'].map((name) => go.spans.find((s) => s.name === name)!);
    const handled = spans.named('process nest');
    const { traceId } = idsOf(request);
    expect(request.attributes).toMatchObject({ 'http.request.method': 'POST' });
    expect(ties(enqueued)).toEqual({ traceId, parent: idsOf(request).spanId, links: [] });
    expect(inGo).toMatchObject({ traceId, parentId: idsOf(enqueued).spanId, links: [idsOf(enqueued).spanId] });
    expect(enqueuedInGo).toMatchObject({ traceId, parentId: inGo!.spanId });
    expect(ties(handled)).toEqual({ traceId, parent: enqueuedInGo!.spanId, links: [enqueuedInGo!.spanId] });
    expect(handled.kind).toBe(SpanKind.CONSUMER);
    expect(handled.attributes).toMatchObject({
      'messaging.destination.name': 'nest',
      'asynq.task.type': 'mail:send',
      'asynq.task.outcome': 'success',
      'server.address': '127.0.0.1',
      'server.port': redis.port,
    });
  });

  it('is still linked after a retry by Go, which keeps the headers', async () => {
    spans.clear();
    const options = { connection: { url: redis.url }, logger: silentLogger, tracing: openTelemetry() };
    await using client = new Client(options);
    const { id } = await client.enqueue('t:fail-always', undefined, { queue: 'go' });
    await go.until(() => go.handled.some((attempt) => attempt.id === id));
    await go.shutdown();
    await go.run('go', id);

    const attempts = new Conditions();
    let retried = -1;
    const handler: Handler = (_, context) => {
      ({ retried } = context);
      attempts.check();
    };
    const server = new Server({ ...options, queues: { go: 1 } });
    await server.start(handler);
    await attempts.until(() => retried >= 0);
    await server.shutdown();

    expect(retried).toBe(1);
    const enqueued = idsOf(spans.named('enqueue go'));
    expect(ties(spans.named('process go'))).toEqual({
      traceId: expect.not.stringMatching(enqueued.traceId) as string,
      parent: undefined,
      links: [enqueued.spanId],
    });
  });
});
