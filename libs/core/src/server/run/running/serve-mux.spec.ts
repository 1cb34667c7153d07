import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../../errors/invalid-options.error.js';
import type { Handler, TaskContext } from '../../../task/task-context.js';
import { type Middleware, ServeMux } from './serve-mux.js';

const context = {} as TaskContext;
const saying =
  (name: string): Handler =>
  () =>
    name;

describe('ServeMux', () => {
  it('prefers the exact pattern, then the longest prefix', () => {
    const mux = new ServeMux()
      .handle('email:', saying('all mail'))
      .handle('email:welcome', saying('welcome'))
      .handle('email:welcome:vip', saying('vip'));

    const answers = ['email:welcome', 'email:welcome:x', 'email:other', 'email:welcome:vip'].map((type) =>
      mux.route(type)?.handler(undefined, context),
    );

    expect(answers).toEqual(['welcome', 'welcome', 'all mail', 'vip']);
  });

  it('has no handler for a type that matches no pattern', () => {
    const mux = new ServeMux().handle('email:', saying('all mail'));

    expect(mux.route('sms:welcome')).toBeUndefined();
    expect(mux.route('email')).toBeUndefined();
  });

  it('runs middleware outermost first, also around handlers registered before', async () => {
    const calls: string[] = [];
    const hearing =
      (name: string): Middleware =>
      (next) =>
      async (payload, ctx) => {
        calls.push(`${name} in`);
        const answer = await next(payload, ctx);
        calls.push(`${name} out`);
        return answer;
      };
    const mux = new ServeMux().handle('a', saying('done')).use(hearing('outer'), hearing('middle'));
    mux.route('a');
    mux.use(hearing('inner'));

    const answer = await mux.route('a')?.handler(undefined, context);

    expect(answer).toBe('done');
    expect(calls).toEqual(['outer in', 'middle in', 'inner in', 'inner out', 'middle out', 'outer out']);
  });

  it('keeps the options of a handler that override those of its server', () => {
    const retryDelay = (): number => 5;
    const isFailure = (): boolean => false;

    const mux = new ServeMux().handle('a', saying('a'), { retryDelay, isFailure });

    expect(mux.route('a')).toMatchObject({ retryDelay, isFailure });
  });

  it('refuses a blank pattern, a second handler for one, a missing handler and a mistyped option', () => {
    const mux = new ServeMux().handle('a', saying('a'));

    expect(() => mux.handle(' ', saying('b'))).toThrow(InvalidOptionsError);
    expect(() => mux.handle('a', saying('b'))).toThrow('that has no handler yet');
    expect(() => mux.handle('b', undefined as unknown as Handler)).toThrow('handler of "b"');
    expect(() => mux.handle('c', saying('c'), { retrydelay: 5 } as object)).toThrow('did you mean "retryDelay"?');
    expect(() => mux.use(undefined as unknown as Middleware)).toThrow('middleware 1');
    expect(mux.patterns()).toEqual(['a']);
  });
});
