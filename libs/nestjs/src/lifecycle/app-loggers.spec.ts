import { PassThrough } from 'node:stream';
import { ConsoleLogger, type ConsoleLoggerOptions, Injectable, Logger, type LoggerService } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { WinstonModule } from 'nest-winston';
import { Logger as PinoAppLogger, LoggerModule, NativeLogger } from 'nestjs-pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import winston from 'winston';
import { SkipRetry, TaskHandler } from '../index.js';
import { startApp } from '../test-app.fixture.js';

const SECRET = 'hunter2-9f';

/** As axios makes them: they hold the request, with its headers. */
class HttpClientError extends Error {
  readonly code = 'ERR_BAD_REQUEST';
  readonly config = { headers: { Authorization: `Bearer ${SECRET}` } };

  constructor() {
    super('Request failed with status code 401', { cause: new Error('unauthorized') });
    this.name = 'HttpClientError';
  }
}

@Injectable()
class Tasks {
  @TaskHandler('mail:retried')
  retried(): void {
    throw new HttpClientError();
  }

  @TaskHandler('mail:archived')
  archived(): void {
    throw new SkipRetry('not today', { cause: new HttpClientError() });
  }
}

/** Runs two tasks that fail in an app with this logger, and returns what was written. */
async function failTwice(log: LoggerService, written: () => string): Promise<string[]> {
  await using app = await startApp({ providers: [Tasks], log });
  await app.run('mail:retried', undefined, { taskId: 'r' });
  await app.run('mail:archived', undefined, { taskId: 'a' });
  return written()
    .split('\n')
    .filter((line) => line !== '');
}

/** nestjs-pino has one stream per process. */
const stream = new PassThrough();
const pino = Test.createTestingModule({ imports: [LoggerModule.forRoot({ pinoHttp: [{}, stream] })] }).compile();

type Line = Record<string, unknown>;

const parsed = (lines: readonly string[]): Line[] =>
  lines.map((line) => JSON.parse(line) as Line).filter((line) => JSON.stringify(line).includes('"AsynqServer"'));

/** The two lines about failed tasks, of those that the server writes. */
const failures = (lines: readonly Line[], text: (line: Line) => unknown): [Line, Line] => {
  const found = lines.filter((line) => /^task (?:failed|archived)/.test(String(text(line))));
  expect(found).toHaveLength(2);
  return found as [Line, Line];
};

const RETRIED = {
  queue: 'default',
  type: 'mail:retried',
  taskId: 'r',
  attempt: 1,
  maxRetry: 25,
  durationMs: expect.any(Number) as number,
  outcome: 'retried',
};
const ARCHIVED = { ...RETRIED, type: 'mail:archived', taskId: 'a', outcome: 'archived' };
const RETRIED_TEXT = 'task failed, will be retried: Request failed with status code 401';
const ARCHIVED_TEXT = 'task archived: not today: skip retry for the task';
const STACK = /^HttpClientError: Request failed with status code 401\n {4}at /;

const stackOf = (error: unknown): unknown => (error as { readonly stack?: unknown }).stack;

/** What the streams of the process are given. */
function capture(): () => string {
  const chunks: string[] = [];
  for (const output of [process.stdout, process.stderr]) {
    vi.spyOn(output, 'write').mockImplementation((chunk) => {
      chunks.push(String(chunk));
      return true;
    });
  }
  return () => chunks.join('');
}

afterEach(() => {
  vi.restoreAllMocks();
  Logger.overrideLogger(false);
});

describe('the line about a failed task reaches', () => {
  it('nestjs-pino, with its fields and the error as pino prints errors', async () => {
    const module = await pino;

    const lines = await failTwice(module.get(PinoAppLogger), () => String(stream.read() as Buffer));

    const [retried, archived] = failures(parsed(lines), ({ msg }) => msg);
    expect(retried).toMatchObject({ ...RETRIED, level: 40, msg: RETRIED_TEXT, context: 'AsynqServer' });
    expect(retried['err']).toMatchObject({ type: 'HttpClientError', code: 'ERR_BAD_REQUEST' });
    expect(stackOf(retried['err'])).toMatch(STACK);
    expect(archived).toMatchObject({ ...ARCHIVED, level: 50, msg: ARCHIVED_TEXT, context: 'AsynqServer' });
    expect(stackOf(archived['err'])).toMatch(/^SkipRetry: not today\n[^]*caused by: HttpClientError/);
    expect(lines.join('\n')).not.toContain(SECRET);
  });

  it('its NativeLogger, with fields as params', async () => {
    const module = await pino;

    const lines = await failTwice(module.get(NativeLogger), () => String(stream.read() as Buffer));

    const [retried, archived] = failures(parsed(lines), ({ msg }) => msg);
    expect(retried).toMatchObject({ msg: RETRIED_TEXT, context: 'AsynqServer', params: RETRIED });
    expect(stackOf((retried['params'] as Line)['error'])).toMatch(STACK);
    expect(archived).toMatchObject({ msg: ARCHIVED_TEXT, context: 'AsynqServer', params: ARCHIVED });
    expect(archived['stack']).toMatch(/^SkipRetry: not today\n/);
    expect(lines.join('\n')).not.toContain(SECRET);
  });

  it('nest-winston, with its fields, the context, and an error that is not {}', async () => {
    const output = new PassThrough();
    const log = WinstonModule.createLogger({
      format: winston.format.json(),
      transports: [new winston.transports.Stream({ stream: output })],
    });

    const lines = await failTwice(log, () => String(output.read() as Buffer));

    const [retried, archived] = failures(parsed(lines), ({ message }) => message);
    expect(retried).toMatchObject({ ...RETRIED, level: 'warn', message: RETRIED_TEXT, context: 'AsynqServer' });
    expect(retried['error']).toMatchObject({
      name: 'HttpClientError',
      message: 'Request failed with status code 401',
      code: 'ERR_BAD_REQUEST',
      stack: expect.stringMatching(STACK) as string,
      cause: { message: 'unauthorized' },
    });
    expect(archived).toMatchObject({ ...ARCHIVED, level: 'error', message: ARCHIVED_TEXT, context: 'AsynqServer' });
    expect(archived['stack']).toEqual([expect.stringMatching(/^SkipRetry: not today\n/)]);
    expect(archived['error']).toMatchObject({ cause: { name: 'HttpClientError', cause: { message: 'unauthorized' } } });
    expect(lines.join('\n')).not.toContain(SECRET);
  });

  it.each<[string, ConsoleLoggerOptions, (line: Line) => unknown]>([
    ['params', {}, ({ params }) => params],
    ['fields of the record', { flattenParams: true }, (line) => line],
  ])("Nest's JSON logger, with its fields as %s", async (_name, options, fieldsOf) => {
    const written = capture();

    const lines = await failTwice(new ConsoleLogger({ json: true, ...options }), written);

    const [retried, archived] = failures(parsed(lines), ({ message }) => message);
    expect(retried).toMatchObject({ level: 'warn', message: RETRIED_TEXT, context: 'AsynqServer' });
    expect(fieldsOf(retried)).toMatchObject(RETRIED);
    expect(retried['error']).toMatchObject({ name: 'HttpClientError', code: 'ERR_BAD_REQUEST' });
    expect(stackOf(retried['error'])).toMatch(STACK);
    expect(archived).toMatchObject({ level: 'error', message: ARCHIVED_TEXT, context: 'AsynqServer' });
    expect(fieldsOf(archived)).toMatchObject(ARCHIVED);
    expect(archived['error']).toMatchObject({ name: 'SkipRetry', cause: { name: 'HttpClientError' } });
    expect(lines.join('\n')).not.toContain(SECRET);
  });

  it("Nest's text logger, with its fields next to the message and the stack below", async () => {
    const written = capture();

    await failTwice(new ConsoleLogger({ colors: false }), written);

    // Versions of Node break the lines of an inspected object in different places.
    const text = written().replaceAll(/\s+/g, ' ');
    expect(text).toMatch(
      /WARN \[AsynqServer\] task failed, will be retried: Request failed with status code 401 \{ queue: 'default', type: 'mail:retried', taskId: 'r', attempt: 1, maxRetry: 25, durationMs: \d+, outcome: 'retried', error: .*HttpClientError: Request failed with status code 401 at /,
    );
    expect(text).toMatch(
      /ERROR \[AsynqServer\] task archived: not today: skip retry for the task \{ queue: 'default', .*outcome: 'archived' \} SkipRetry: not today at /,
    );
    expect(text).not.toContain(SECRET);
  });
});

it('a line that Nest holds back is written for the logger that the app has later', async () => {
  const module = await pino;
  Logger.attachBuffer();

  await using app = await startApp({ providers: [Tasks], log: new ConsoleLogger({ colors: false }) });
  await app.run('mail:retried', undefined, { taskId: 'r' });
  Logger.overrideLogger(module.get(PinoAppLogger));
  Logger.flush();

  const lines = String(stream.read() as Buffer)
    .trim()
    .split('\n');
  expect(parsed(lines).find(({ taskId }) => taskId === 'r')).toMatchObject({ ...RETRIED, msg: RETRIED_TEXT });
});
