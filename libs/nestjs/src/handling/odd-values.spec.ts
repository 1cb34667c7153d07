import { BadRequestException, ConflictException, Injectable } from '@nestjs/common';
import { of, throwError } from 'rxjs';
import { expect, it } from 'vitest';
import { TaskHandler, TaskInspector } from '../index.js';
import { startApp } from '../test-app.fixture.js';

/** What the handler returns or throws in the next task. */
let act: () => unknown;

@Injectable()
class Odd {
  @TaskHandler('odd')
  handle(): unknown {
    return act();
  }
}

const thrower =
  (value: unknown): (() => unknown) =>
  () => {
    throw value;
  };

const rejecting =
  (value: unknown): (() => unknown) =>
  () =>
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- as handlers may do
    Promise.reject(value);

const RPC = { code: 'E_QUOTA', message: 'quota exceeded' };

it.each<[string, () => unknown, string]>([
  ['an object with code and message', thrower(RPC), 'quota exceeded (E_QUOTA)'],
  ['the same from a promise', rejecting(RPC), 'quota exceeded (E_QUOTA)'],
  ['the same from an Observable', () => throwError(() => RPC), 'quota exceeded (E_QUOTA)'],
  ['an object with a nested message', thrower({ error: { message: 'boom' } }), "{ error: { message: 'boom' } }"],
  [
    'an object with an object as its message',
    thrower({ message: { reason: 'boom' } }),
    "{ message: { reason: 'boom' } }",
  ],
  ['nothing', thrower(undefined), 'undefined'],
  ['null', rejecting(null), 'null'],
  ['a text', thrower('boom'), 'boom'],
  ['a number', thrower(404), '404'],
  ['an array', thrower(['a', 'b']), "[ 'a', 'b' ]"],
  ['a map', thrower(new Map([['a', 1]])), "Map(1) { 'a' => 1 }"],
  [
    'errors of Promise.any',
    () => Promise.any([Promise.reject(new Error('one')), Promise.reject(new Error('two'))]),
    'All promises were rejected',
  ],
  ['gathered errors without a text', thrower(new AggregateError([new Error('one'), new Error('two')])), 'one; two'],
  ['an error with a cause alone', thrower(new Error('', { cause: new Error('boom') })), 'Error: boom'],
  [
    'an error with an object as its message',
    thrower(new Error(RPC as unknown as string)),
    'Error with an object as its message, which is lost: pass a text',
  ],
  [
    'an HTTP exception with a code',
    thrower(new ConflictException({ code: 'TAKEN', message: 'name is taken' })),
    'name is taken',
  ],
  ['a frozen error', thrower(Object.freeze(new Error('boom'))), 'boom'],
  ['an abort', thrower(AbortSignal.abort().reason), 'This operation was aborted'],
])('%s is a readable last error', async (_name, throwing, text) => {
  act = throwing;
  await using app = await startApp({ providers: [Odd] });

  const { id } = await app.run('odd', undefined, { maxRetry: 0 });

  const { lastError, state } = await app.context.get(TaskInspector).taskInfo('default', id);
  expect(state).toBe('archived');
  expect(lastError).toBe(text);
});

it('several messages of an HTTP exception are a readable last error', async () => {
  act = thrower(new BadRequestException(['a is missing', 'b is missing']));
  await using app = await startApp({ providers: [Odd] });

  const { id } = await app.run('odd', undefined, { maxRetry: 0 });

  expect((await app.context.get(TaskInspector).taskInfo('default', id)).lastError).toBe('a is missing; b is missing');
});

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47);

it.each<[string, unknown, unknown]>([
  ['bytes that are no JSON', PNG, PNG],
  ['a Buffer', Buffer.from(PNG), PNG],
  ['an ArrayBuffer', PNG.slice().buffer, PNG],
  ['bytes of JSON', Buffer.from('{"sum":3}'), { sum: 3 }],
  ['an Observable', of(1, 2), 2],
  ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['null', null, null],
  ['false', false, false],
  ['an empty text', '', ''],
  ['nothing', undefined, undefined],
  ['a function, which has no JSON form', () => 1, undefined],
  ['a bigint, which has no JSON form', 5n, undefined],
])('%s is a readable result', async (_name, returned, result) => {
  act = () => returned;
  await using app = await startApp({ providers: [Odd] });

  const task = await app.tasks.enqueue('odd', undefined, { retention: '1h' });
  const read = await task.result({ timeout: '20s' });

  expect(read instanceof Uint8Array ? Uint8Array.from(read) : read).toEqual(result);
});
