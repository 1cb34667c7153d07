import { createRequire } from 'node:module';
import { SpanKind, trace } from '@opentelemetry/api';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { idsOf, mentions, type RecordedSpans, recordSpans, ties } from '../support/recorded-spans.js';
import { MembersApp } from './members-app.js';

let spans: RecordedSpans;
let http: HttpInstrumentation;

beforeAll(() => {
  spans = recordSpans();
  http = new HttpInstrumentation();
  createRequire(import.meta.url)('node:http'); // instrumentations patch a module when it is required
});
afterAll(() => {
  http.disable();
  spans[Symbol.dispose]();
});

it('one trace leads from the request to the mail, through the outbox and the delay', async () => {
  await using app = await MembersApp.start();
  let atMail: string | undefined;
  const { send } = app.mails;
  app.mails.send = function (...args) {
    atMail = trace.getActiveSpan()?.spanContext().traceId;
    send.apply(this, args);
  };

  await app.createMember({ membername: 'ada', fullName: 'Ada Lovelace', email: 'ada@example.com' });
  await app.event('enqueued');
  await app.clock.advance('10s');
  await app.mails.next();
  await app.event('succeeded');

  const request = idsOf(spans.all().find(({ kind }) => kind === SpanKind.SERVER)!);
  const attempt = spans.named('process critical');
  expect(ties(attempt)).toEqual({ traceId: request.traceId, parent: request.spanId, links: [request.spanId] });
  expect(ties(spans.named('enqueue critical')).links).toEqual([request.spanId]);
  expect(attempt.attributes).toMatchObject({ 'asynq.task.type': 'email:verify', 'asynq.task.outcome': 'success' });
  expect(atMail).toBe(request.traceId);
  expect(mentions(spans.all(), 'Lovelace')).toBe(false);
});
