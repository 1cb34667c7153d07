import { BadRequestException, Injectable, type PipeTransform, UsePipes } from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { type } from 'arktype';
import { createZodDto, ZodValidationPipe } from 'nestjs-zod';
import * as v from 'valibot';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { InvalidPayloadError, Payload, TaskHandler, TaskInspector } from '../index.js';
import { startApp, type TestApp } from '../test-app.fixture.js';

const SECRET = 'hunter2-9f';

const seen: unknown[] = [];

/** Rules, a default and a conversion, in three libraries. */
const SCHEMAS = {
  zod: z.object({
    to: z.email(),
    copies: z.number().int().default(1),
    at: z.iso.datetime().transform((at) => new Date(at)),
  }),
  valibot: v.object({
    to: v.pipe(v.string(), v.email()),
    copies: v.optional(v.number(), 1),
    at: v.pipe(
      v.string(),
      v.isoTimestamp(),
      v.transform((at) => new Date(at)),
    ),
  }),
  ArkType: type({ to: 'string.email', copies: 'number = 1', at: 'string.date.iso.parse' }),
};

const RIGHT = { to: 'ada@example.org', at: '2026-11-30T06:00:00.000Z' };
const PARSED = { to: 'ada@example.org', copies: 1, at: new Date('2026-11-30T06:00:00.000Z') };

function handlerFor(schema: (typeof SCHEMAS)[keyof typeof SCHEMAS]): new () => object {
  @Injectable()
  class MailTasks {
    @TaskHandler('mail:send')
    send(@Payload({ schema }) payload: unknown): void {
      seen.push(payload);
    }
  }
  return MailTasks;
}

const lastErrorOf = async ({ context }: TestApp, id: string): Promise<string> =>
  (await context.get(TaskInspector).taskInfo('default', id)).lastError ?? '';

const cases = Object.entries(SCHEMAS);

it.each(cases)('a schema of %s decides what the handler gets', async (_name, schema) => {
  seen.length = 0;
  await using app = await startApp({ providers: [handlerFor(schema)] });

  const end = await app.run('mail:send', RIGHT);

  expect(end).toMatchObject({ kind: 'succeeded' });
  expect(seen).toEqual([PARSED]);
});

it.each([
  ['zod', SCHEMAS.zod, ['to: Invalid email address', 'copies: Invalid input: expected number, received string']],
  ['valibot', SCHEMAS.valibot, ['to: Invalid email;', 'copies: Invalid type: Expected number']],
  ['ArkType', SCHEMAS.ArkType, ['to must be an email address', 'copies must be a number']],
] as const)(
  'a refusal by %s archives the task, with its reasons and without the values',
  async (_name, schema, reasons) => {
    await using app = await startApp({ providers: [handlerFor(schema)] });

    const end = await app.run('mail:send', { ...RIGHT, to: SECRET, copies: SECRET });

    expect(end).toMatchObject({ kind: 'archived' });
    const lastError = await lastErrorOf(app, end.id);
    for (const reason of reasons) expect(lastError).toContain(reason.trim());
    expect(lastError).toMatch(/^invalid payload: /);
    expect(lastError).not.toContain(SECRET);
  },
);

it.each(cases)('a schema of %s validates on enqueue, too', async (_name, schema) => {
  await using app = await startApp({ providers: [handlerFor(schema)], asynq: { validateOnEnqueue: true } });

  await expect(app.tasks.enqueue('mail:send', { ...RIGHT, to: 5 })).rejects.toThrow(InvalidPayloadError);
  await expect(app.tasks.enqueue('mail:send', { ...RIGHT, to: 5 })).rejects.toThrow(
    /invalid payload for task type "mail:send": to/,
  );
  expect(await app.run('mail:send', RIGHT)).toMatchObject({ kind: 'succeeded' });
});

it('a schema applies to one property of the payload', async () => {
  @Injectable()
  class MailTasks {
    @TaskHandler('mail:send')
    send(@Payload({ property: 'to', schema: z.email() }) to: string): void {
      seen.push(to);
    }
  }
  seen.length = 0;
  await using app = await startApp({ providers: [MailTasks] });

  await app.run('mail:send', RIGHT);

  expect(seen).toEqual([RIGHT.to]);
  expect(await app.run('mail:send', { to: 'x' })).toMatchObject({ kind: 'archived' });
});

class MailDto extends createZodDto(SCHEMAS.zod) {}

@Injectable()
class ZodTasks {
  @TaskHandler('mail:send')
  send(@Payload() payload: MailDto): void {
    seen.push(payload);
  }
}

it.each([
  ['with the whitelist', { validation: { whitelist: true } }, []],
  ['with a whitelist that refuses', { validation: { whitelist: true, forbidNonWhitelisted: true } }, []],
  ["with the app's own pipe", {}, [{ provide: APP_PIPE, useClass: ZodValidationPipe }]],
])('a DTO of nestjs-zod is validated by its schema, once, %s', async (_name, asynq, providers) => {
  seen.length = 0;
  await using app = await startApp({ providers: [ZodTasks, ...providers], asynq });

  const end = await app.run('mail:send', { ...RIGHT, unknown: 1 });
  const wrong = await app.run('mail:send', { ...RIGHT, copies: 'two' });

  expect(end).toMatchObject({ kind: 'succeeded' });
  expect(seen).toEqual([PARSED]);
  expect(await lastErrorOf(app, wrong.id)).toBe(
    'invalid payload: copies: Invalid input: expected number, received string: skip retry for the task',
  );
});

it('a DTO of nestjs-zod is validated on enqueue', async () => {
  await using app = await startApp({ providers: [ZodTasks], asynq: { validateOnEnqueue: true } });

  await expect(app.tasks.enqueue('mail:send', { ...RIGHT, copies: 'two' })).rejects.toThrow('copies: Invalid input');
});

/** Rejects what contains a word. */
const without = (word: string): PipeTransform => ({
  transform(value: unknown): unknown {
    if (JSON.stringify(value ?? null).includes(word)) throw new BadRequestException(`no ${word}`);
    return value;
  },
});

it('enqueue runs the same pipes as the handler: global ones, those of class, method and parameter', async () => {
  @Injectable()
  @UsePipes(without('class'))
  class MailTasks {
    @TaskHandler('mail:send')
    @UsePipes(without('method'))
    send(@Payload(without('parameter')) payload: unknown): void {
      seen.push(payload);
    }
  }
  seen.length = 0;
  await using app = await startApp({
    providers: [MailTasks, { provide: APP_PIPE, useValue: without('global') }],
    asynq: { validateOnEnqueue: true },
  });

  const results = await app.tasks.enqueueMany(
    ['global', 'class', 'method', 'parameter', 'fine'].map((word) => ({ type: 'mail:send', payload: { word } })),
  );

  expect(results.map(({ error }) => error?.message)).toEqual([
    ...['global', 'class', 'method', 'parameter'].map(
      (word) => `invalid payload for task type "mail:send": no ${word}`,
    ),
    undefined,
  ]);
  expect(results.slice(0, 4).every(({ error }) => error instanceof InvalidPayloadError)).toBe(true);
});

it('enqueue rejects with the error of a pipe that cannot tell, and writes nothing', async () => {
  const down: PipeTransform = {
    transform: () => {
      throw new Error('the database is down');
    },
  };
  @Injectable()
  class MailTasks {
    @TaskHandler('mail:send')
    send(@Payload(down) _payload: unknown): void {}
  }
  await using app = await startApp({ providers: [MailTasks], asynq: { validateOnEnqueue: true } });

  await expect(app.tasks.enqueue('mail:send', 1)).rejects.toThrow('the database is down');
  expect(await app.context.get(TaskInspector).queueInfo('default')).toMatchObject({ size: 0, processedTotal: 0 });
});
