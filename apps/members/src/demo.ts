import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { styleText } from 'node:util';
import type { INestApplication } from '@nestjs/common';
import { type TaskEvent, TaskEvents } from 'nestjs-asynq';
import { filter, firstValueFrom, type Observable, ReplaySubject } from 'rxjs';
import { MAIL_TRANSPORT } from './mail/mail-transport.js';
import type { PrintedMail, PrintingTransport } from './mail/printing-transport.js';
import { dashboardUrl, describeApp, explainBootFailure, startApp } from './start-app.js';

/** How long the demo runs before it gives up. */
const TIMEOUT_MS = 45_000;

/** A step of the demo failed; the message names it. */
class DemoError extends Error {}

const startedAtMs = performance.now();
const isColored = process.stdout.isTTY && !process.env.NO_COLOR;

setTimeout(
  () => fail(`no mail within ${TIMEOUT_MS / 1000} s: does another worker serve the same queues?`),
  TIMEOUT_MS,
).unref();
try {
  await play();
  process.exit(0);
} catch (error) {
  fail(error instanceof DemoError ? error.message : explainBootFailure(error));
}

/** A member signs up, gets a mail, and follows its link. */
async function play(): Promise<void> {
  console.log(`\n  ${paint('bold', 'A member signs up, gets a mail and confirms the address.')}\n`);
  await chooseSettings();
  const app = await startApp();
  tell('start', await describeApp(app));
  tell('watch', `the dashboard: ${await dashboardUrl(app)}`);
  const membername = `ada-${randomBytes(3).toString('hex')}`;
  const events = recordTaskEvents(app);
  const mail = firstMailTo(membername, app);

  const { id } = await createMember(membername, await app.getUrl());
  await tellTask(events.pipe(filter((event) => event.id === `email-verify:${id}`)));
  await followLink(await mail);

  await app.close();
  console.log(
    `\n  ${membername} is verified, ${elapsed()} after the start. ${paint('dim', '`npm start` keeps the app and its dashboard running.')}\n`,
  );
}

/** A port of its own and a short delay; Redis and SQL are configured by the environment. */
async function chooseSettings(): Promise<void> {
  const { env } = process;
  env.ROLE = 'all';
  env.HTTP_ADDRESS = '127.0.0.1';
  env.PORT = String(await findFreePort());
  env.PUBLIC_URL = '';
  env.SMTP_URL = ''; // this demo shows the mail
  env.VERIFY_EMAIL_DELAY ||= '2s';
}

/** The mail's link holds the port, so it must be known before the app listens. */
async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function createMember(membername: string, url: string): Promise<{ id: string }> {
  const body = JSON.stringify({ membername, fullName: 'Ada Lovelace', email: `${membername}@example.com` });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/members`, { method: 'POST', headers, body });
  const answer = await response.text();
  if (response.status !== 201) throw new DemoError(`POST /members answered ${response.status}: ${answer}`);
  tell('create', `POST /members ${membername} → 201`);
  return JSON.parse(answer) as { id: string };
}

/** Records all events from now on: the task may be enqueued before the request is answered. */
function recordTaskEvents(app: INestApplication): Observable<TaskEvent> {
  const record = new ReplaySubject<TaskEvent>();
  app.get(TaskEvents, { strict: false }).subscribe(record);
  return record;
}

/** Resolves when the task has started; its mail is printed after that. */
async function tellTask(events: Observable<TaskEvent>): Promise<void> {
  events.subscribe((event) => {
    if (event.kind === 'failed') tell('fail', `task ${event.type}: ${String(event.error)}`);
  });
  const enqueued = await firstValueFrom(events.pipe(filter((event) => event.kind === 'enqueued')));
  const delayS = (enqueued.nextProcessAt.getTime() - enqueued.at.getTime()) / 1000;
  tell('enqueue', `task ${enqueued.type} → queue ${enqueued.queue}, to start in ${delayS} s`);
  const started = await firstValueFrom(events.pipe(filter((event) => event.kind === 'started')));
  tell('handle', `task ${started.type}, attempt ${started.retried + 1}`);
}

function firstMailTo(membername: string, app: INestApplication): Promise<PrintedMail> {
  const { printed } = app.get<PrintingTransport>(MAIL_TRANSPORT, { strict: false });
  return firstValueFrom(printed.pipe(filter(({ to }) => to.includes(membername))));
}

async function followLink({ text }: PrintedMail): Promise<void> {
  const link = /https?:\/\/\S+/.exec(text)?.[0];
  if (!link) throw new DemoError('the mail has no link');
  const response = await fetch(link);
  if (response.status !== 200) throw new DemoError(`GET ${link} answered ${response.status}: ${await response.text()}`);
  tell('verify', 'GET /members/verify?code=… → 200');
}

function fail(reason: string): never {
  console.error(`\n  ${paint('red', '✘')} ${reason}\n`);
  process.exit(1);
}

function tell(step: string, what: string): void {
  console.log(`  ${paint('green', '✔')} ${step.padEnd(8)} ${what} ${paint('dim', `(${elapsed()})`)}`);
}

function elapsed(): string {
  return `${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`;
}

function paint(style: 'bold' | 'dim' | 'green' | 'red', text: string): string {
  return isColored ? styleText(style, text) : text;
}
