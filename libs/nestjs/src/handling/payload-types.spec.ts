import { type ArgumentMetadata, Injectable, type PipeTransform, ValidationPipe } from '@nestjs/common';
import { IsInt, IsString } from 'class-validator';
import { expect, it } from 'vitest';
import { Ctx, InvalidOptionsError, Payload, TaskHandler, type TaskContext } from '../index.js';
import { RecordingLog, startApp } from '../test-app.fixture.js';

class VerifyEmail {
  @IsString()
  address!: string;
}

const seen: unknown[] = [];

/**
 * A provider as compilers without decorator metadata make it (tsx, esbuild, SWC without `decoratorMetadata`): the decorators are
 * called, and nothing says which types the parameters have.
 */
function withoutMetadata(...params: ParameterDecorator[]): new () => object {
  class EmailTasks {
    verify(payload: unknown, ...rest: unknown[]): void {
      seen.push(payload, ...rest);
    }
  }
  const { prototype } = EmailTasks;
  for (const [index, decorate] of params.entries()) decorate(prototype, 'verify', index);
  TaskHandler('email:verify')(prototype, 'verify', Object.getOwnPropertyDescriptor(prototype, 'verify')!);
  Injectable()(EmailTasks);
  return EmailTasks;
}

const warnings = (log: RecordingLog): string[] => log.lines.filter((line) => line.startsWith('warn'));

it.each<[string, ParameterDecorator]>([
  ['@Payload(VerifyEmail)', Payload(VerifyEmail)],
  ['@Payload({ type: VerifyEmail })', Payload({ type: VerifyEmail })],
])('%s names the class that the compiler does not', async (_name, decorator) => {
  const log = new RecordingLog();
  seen.length = 0;
  await using app = await startApp({ providers: [withoutMetadata(decorator, Ctx())], log });

  const right = await app.run('email:verify', { address: 'ada@example.org' });
  const wrong = await app.run('email:verify', { address: 5 });

  expect(right).toMatchObject({ kind: 'succeeded' });
  expect(seen[0]).toBeInstanceOf(VerifyEmail);
  expect((seen[1] as TaskContext).type).toBe('email:verify');
  expect(wrong).toMatchObject({ kind: 'archived', error: { message: 'invalid payload: address must be a string' } });
  expect(warnings(log)).toEqual([]);
});

it("the app's pipes receive the named class", async () => {
  const types: unknown[] = [];
  const noting: PipeTransform = {
    transform(value: unknown, { metatype }: ArgumentMetadata) {
      types.push(metatype);
      return value;
    },
  };
  await using app = await startApp({
    providers: [withoutMetadata(Payload(VerifyEmail))],
    asynq: { validation: false },
    prepare: (context) => void context.createNestApplication().useGlobalPipes(noting),
  });

  await app.run('email:verify', { address: 'a' });

  expect(types).toEqual([VerifyEmail]);
});

it('the named class takes precedence over the type of the parameter', async () => {
  @Injectable()
  class EmailTasks {
    @TaskHandler('email:verify')
    verify(@Payload(VerifyEmail) payload: { address: string }): void {
      seen.push(payload);
    }
  }
  seen.length = 0;
  await using app = await startApp({ providers: [EmailTasks] });

  await app.run('email:verify', { address: 'a' });

  expect(seen).toEqual([expect.any(VerifyEmail)]);
});

it('pipes and a property can be combined with a class', async () => {
  class Letter {
    @IsInt()
    pages!: number;
  }
  const double: PipeTransform = { transform: (value: { pages: number }) => ({ pages: value.pages * 2 }) };
  seen.length = 0;
  const options = Payload({ type: Letter, property: 'letter', pipes: [double] });
  await using app = await startApp({ providers: [withoutMetadata(options)] });

  await app.run('email:verify', { letter: { pages: 2 } });

  expect(seen).toEqual([Object.assign(new Letter(), { pages: 4 })]);
});

it('a class with a transform method is a pipe, as before', async () => {
  @Injectable()
  class Upper implements PipeTransform {
    transform(value: string): string {
      return value.toUpperCase();
    }
  }
  seen.length = 0;
  await using app = await startApp({ providers: [withoutMetadata(Payload(Upper))] });

  await app.run('email:verify', 'a');

  expect(seen).toEqual(['A']);
});

it('the boot warns, in one line for all, of payloads whose type cannot be seen', async () => {
  const log = new RecordingLog();

  await using app = await startApp({ providers: [withoutMetadata(Payload(), Ctx())], log });

  expect(app.tasks).toBeDefined();
  expect(warnings(log)).toEqual([
    expect.stringContaining('payloads are not validated in EmailTasks.verify: the compiler emits no'),
  ]);
  expect(warnings(log)[0]).toContain('@Payload(VerifyEmail)');
});

it.each<[string, ParameterDecorator[], object]>([
  ['without @Payload()', [], {}],
  ['with a pipe of its own', [Payload(new ValidationPipe({ expectedType: VerifyEmail }))], {}],
  ['with validation: false', [Payload()], { validation: false }],
])('the boot does not warn of a handler %s', async (_name, params, asynq) => {
  const log = new RecordingLog();

  await using app = await startApp({ providers: [withoutMetadata(...params)], asynq, log });

  expect(app.tasks).toBeDefined();
  expect(warnings(log)).toEqual([]);
});

it.each([
  [{ typ: VerifyEmail }, 'option "typ" is a function; allowed: no option of this name; did you mean "type"?'],
  [{ type: 'VerifyEmail' }, 'option "type" is "VerifyEmail"; allowed: a class'],
  [{ schema: { parse: () => 1 } }, 'allowed: a schema with Standard Schema'],
  [{ pipes: [5] }, 'allowed: pipes in an array'],
  [null, 'allowed: an object'],
])('refuses @Payload(%o)', (options, text) => {
  expect(() => Payload(options as never)).toThrow(InvalidOptionsError);
  expect(() => Payload(options as never)).toThrow(text);
});
