import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Context } from '../context.js';
import { watched } from './progress.js';

const io = {
  env: {},
  home: '/nowhere',
  isTty: false,
  nowMs: () => 0,
  stdout: () => undefined,
  stderr: () => undefined,
};
let context: Context;

beforeEach(() => {
  context = new Context(io, 'memory', false, false);
});

afterEach(() => context[Symbol.asyncDispose]());

describe('bulk work', () => {
  it('is stopped by Ctrl-C, and reports its progress', async () => {
    const work = watched(context, async ({ signal, onProgress }) => {
      onProgress({ done: 500, total: 2_000 });
      process.emit('SIGINT', 'SIGINT');
      signal.throwIfAborted();
    });

    await expect(work).rejects.toThrow('stopped after 500 of 2000 tasks');
  });

  it('handles Ctrl-C from its beginning to the end of the run: what follows is not begun', async () => {
    const before = process.listenerCount('SIGINT');

    const listening = await watched(context, async () => process.listenerCount('SIGINT'));
    process.emit('SIGINT', 'SIGINT');
    const began: string[] = [];
    await context.each(['a', 'b'], async (name) => void began.push(name));
    await context[Symbol.asyncDispose]();

    expect(listening).toBe(before + 1);
    expect({ began, status: context.status }).toEqual({ began: [], status: 130 });
    expect(process.listenerCount('SIGINT')).toBe(before);
  });

  it('passes its own failure on', async () => {
    await expect(watched(context, async () => Promise.reject(new Error('no Redis')))).rejects.toThrow('no Redis');
  });
});
