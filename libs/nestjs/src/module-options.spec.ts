import { inspect } from 'node:util';
import { NestFactory } from '@nestjs/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AsynqModule, type AsynqModuleOptions, InvalidOptionsError } from './index.js';

const SECRET = 'pa55word';

const anyValue = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, maxDepth: 2 }),
  fc.constantFrom<unknown>(
    null,
    NaN,
    -1,
    1.5,
    '',
    ' ',
    'x'.repeat(1_000),
    JSON.parse('{ "__proto__": { "polluted": 1 } }'),
  ),
);

/** An object with some of the options, right and wrong, and sometimes with another name. */
function optionsLike(
  right: Readonly<Record<string, readonly unknown[] | fc.Arbitrary<unknown>>>,
): fc.Arbitrary<unknown> {
  const known = Object.entries(right).map(([name, values]) => {
    const value = Array.isArray(values) ? fc.constantFrom(...(values as unknown[])) : (values as fc.Arbitrary<unknown>);
    const given = fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 5, arbitrary: value }, anyValue);
    return fc.tuple(fc.constant(name), given);
  });
  const odd = fc.tuple(fc.constantFrom('__proto__', 'constructor', 'toString', 'name', 'concurency'), anyValue);
  const object = fc.tuple(fc.tuple(...known), fc.option(odd, { freq: 6 })).map(([own, other]) => {
    const options = {};
    for (const [name, value] of other ? [...own, other] : own) {
      if (value !== undefined)
        Object.defineProperty(options, name, { value, enumerable: true, configurable: true, writable: true });
    }
    return options;
  });
  return fc.oneof({ weight: 12, arbitrary: object }, anyValue);
}

const flag = [true, false];
const byQueue = (values: readonly unknown[] | fc.Arbitrary<unknown>) =>
  optionsLike({ default: values, constructor: values });

const moduleOptions = optionsLike({
  connection: fc.constantFrom<unknown>(
    'memory',
    { memory: 'options' },
    { memory: 5 },
    { url: `http://user:${SECRET}@localhost:1` },
    { url: [`redis://user:${SECRET}@localhost:1`] },
    { host: 'localhost', password: SECRET },
  ),
  queues: fc.oneof(byQueue([1, 2]), byQueue(optionsLike({ weight: [1], partitions: [3] }))),
  partitions: byQueue([3]),
  concurrency: [1],
  defaults: optionsLike({ queue: ['mail'], retention: ['1h'], headers: [{ token: [SECRET] }, [SECRET]] }),
  worker: flag,
  autoStart: flag,
  validateOnEnqueue: flag,
  validation: [false, { whitelist: true }],
  enhancers: optionsLike({ guards: flag, interceptors: flag, filters: flag }),
  connect: optionsLike({ required: flag, timeout: ['1s'] }),
  scheduler: fc.oneof(
    fc.constant(false),
    optionsLike({ zone: ['UTC', 'Mars'], heartbeatInterval: ['10s'], syncInterval: ['1m'] }),
  ),
  groupAggregator: optionsLike({ gracePeriod: ['1s'], aggregate: [() => undefined] }),
  codec: [{ encode: () => new Uint8Array(), decode: () => undefined }],
});

it('boots with any options, or refuses them with their names and without secrets', async () => {
  const boot = async (given: unknown): Promise<void> => {
    const module = AsynqModule.forRoot(given as AsynqModuleOptions);
    const app = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
    await app.close();
  };

  await fc.assert(
    fc.asyncProperty(moduleOptions, async (given) => {
      const error: unknown = await boot(given).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );

      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      if (error === undefined) return;
      const shown = `${inspect(error, { depth: 10 })} ${JSON.stringify(error)}`;
      expect(shown).not.toContain(SECRET);
      expect(error instanceof InvalidOptionsError, shown).toBe(true);
      for (const { option } of (error as InvalidOptionsError).problems) {
        expect((error as Error).message).toContain(`option "${option}" is `);
      }
    }),
    { numRuns: 200, examples: [[{ connection: 'memory', worker: false, queues: Number.NaN }]] },
  );
});

it.each<[string, () => unknown, string]>([
  ['forRoot()', () => AsynqModule.forRoot(undefined as never), 'an object with the options: forRoot({ connection'],
  [
    'forRoot(promise)',
    () => AsynqModule.forRoot(Promise.resolve({ connection: 'memory' }) as never),
    'forRootAsync({ inject: [ConfigService], useFactory',
  ],
  ['forRoot(function)', () => AsynqModule.forRoot((() => 1) as never), 'forRootAsync({'],
  ['forRootAsync()', () => AsynqModule.forRootAsync(undefined as never), 'forRootAsync({ useFactory: () =>'],
  ['forRootAsync({})', () => AsynqModule.forRootAsync({}), 'useFactory, useClass or useExisting'],
  [
    'forRootAsync({ useFactory: {} })',
    () => AsynqModule.forRootAsync({ useFactory: {} as never }),
    'a function as useFactory',
  ],
])('%s is refused with the fix', (_name, call, text) => {
  expect(call).toThrow(InvalidOptionsError);
  expect(call).toThrow(text);
});

it.each([undefined, null])('a factory that returns %s is refused with the fix', async (returned) => {
  const module = AsynqModule.forRootAsync({ useFactory: () => returned as never });

  const failure = NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });

  await expect(failure).rejects.toThrow(InvalidOptionsError);
  await expect(failure).rejects.toThrow('of AsynqModule.forRootAsync() has returned nothing');
});

it.each([
  [
    { defaultJobOptions: {} },
    'option "defaultJobOptions" is an object; allowed: no option of this name; use "defaults"',
  ],
  [{ host: 'localhost' }, 'no option of this name; use "connection": { url'],
  [{ concurency: 1 }, 'did you mean "concurrency"?'],
  [{ zzzzzzzzzzzz: 1 }, 'option "zzzzzzzzzzzz" is 1; allowed: no option of this name'],
])('the options %j are answered with ours, or a near name, or none', async (options, text) => {
  const module = AsynqModule.forRoot({ connection: 'memory', ...options });

  const failure = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false }).catch(
    (error: unknown) => error,
  );

  expect((failure as Error).message).toContain(text);
  expect((failure as Error).message).not.toContain('janitorInterval');
});
