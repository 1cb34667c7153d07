import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { FakeClock } from '@nestjs-asynq/core/testing';
import type { MailMessage, Transport } from 'nodemailer';
import { type TaskEvent, TaskEvents } from 'nestjs-asynq';
import { AppModule } from '../../apps/members/src/app.module.js';
import { CLOCK } from '../../apps/members/src/config/clock.module.js';
import { type Settings, settings } from '../../apps/members/src/config/settings.js';
import { openDatabase, type OpenDatabase } from '../../apps/members/src/database/database.js';
import { OPEN_DATABASE } from '../../apps/members/src/database/database.module.js';
import { members, outbox, verificationCodes } from '../../apps/members/src/database/schema.js';
import { MAIL_TRANSPORT } from '../../apps/members/src/mail/mail-transport.js';
import { copyDatabase } from './members-database.js';

const appSettings: Settings = {
  role: 'all',
  httpHost: '127.0.0.1',
  httpPort: 0,
  publicUrl: 'https://members.example.com',
  redisUrl: undefined,
  databaseUrl: undefined,
  pgliteDir: undefined,
  smtpUrl: undefined,
  mailFrom: 'Members <members@example.com>',
  dashboardPassword: undefined,
  dashboardWrites: false,
  verifyEmailDelay: '10s',
};

/** One database for all apps of a test file. */
let database: Promise<OpenDatabase> | undefined;

async function emptyDatabase(): Promise<OpenDatabase> {
  database ??= copyDatabase().then((pgliteDir) => openDatabase({ pgliteDir }));
  const { db, description } = await database;
  for (const table of [outbox, verificationCodes, members]) await db.delete(table);
  return { db, description, close: () => Promise.resolve() };
}

/** Recorded events, which a test can read later or wait for. */
class Inbox<T> {
  readonly all: T[] = [];
  private read = 0;
  private readonly waiting: (() => void)[] = [];

  add(item: T): void {
    this.all.push(item);
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** The next one that fits, from where the last call stopped. */
  async next(fits: (item: T) => boolean = () => true): Promise<T> {
    for (;;) {
      while (this.read < this.all.length) {
        const item = this.all[this.read++]!;
        if (fits(item)) return item;
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }
}

export interface ReceivedMail {
  readonly to: unknown;
  readonly text: string;
  /** The code in its link. */
  readonly code: string;
}

/** A mail server that stores its mails. */
export class MailTrap extends Inbox<ReceivedMail> implements Transport<void> {
  readonly name = 'trap';
  readonly version = '1';
  /** Errors to return, one per mail; the mail is stored nevertheless, as when the reply of a server is lost. */
  readonly failures: Error[] = [];

  send({ data }: MailMessage<void>, callback: (error: Error | null, info: void) => void): void {
    const text = data.text as string;
    this.add({ to: data.to, text, code: /code=([\w-]+)/.exec(text)?.[1] ?? '' });
    callback(this.failures.shift() ?? null);
  }
}

/** The sample app in this process, on a clock that the test drives. */
export class MembersApp implements AsyncDisposable {
  readonly events = new Inbox<TaskEvent>();

  private constructor(
    readonly nest: INestApplication,
    readonly clock: FakeClock,
    readonly mails: MailTrap,
  ) {
    nest.get(TaskEvents, { strict: false }).subscribe((event) => this.events.add(event));
  }

  /** With an empty database, one app at a time. */
  static async start(): Promise<MembersApp> {
    const clock = new FakeClock();
    const mails = new MailTrap();
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(settings.KEY)
      .useValue(appSettings)
      .overrideProvider(OPEN_DATABASE)
      .useValue(await emptyDatabase())
      .overrideProvider(CLOCK)
      .useValue(clock)
      .overrideProvider(MAIL_TRANSPORT)
      .useValue(mails)
      .compile();
    const app = new MembersApp(module.createNestApplication({ logger: false }), clock, mails);
    await app.nest.listen(0, '127.0.0.1');
    return app;
  }

  /** The next event of this kind. */
  event(kind: TaskEvent['kind']): Promise<TaskEvent> {
    return this.events.next((event) => event.kind === kind);
  }

  countEvents(kind: TaskEvent['kind']): number {
    return this.events.all.filter((event) => event.kind === kind).length;
  }

  createMember(body: object): Promise<Response> {
    return fetch(`${this.url}/members`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  verify(code: string): Promise<Response> {
    return fetch(`${this.url}/members/verify?code=${code}`);
  }

  private get url(): string {
    const { port } = this.nest.getHttpServer().address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nest.close();
  }
}
