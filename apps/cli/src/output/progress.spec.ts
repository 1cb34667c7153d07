import { describe, expect, it } from 'vitest';
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
const context = new Context(io, 'memory', false, false);

describe('bulk work', () => {
  it('is stopped by Ctrl-C, and reports its progress', async () => {
    const work = watched(context, async ({ signal, onProgress }) => {
      onProgress({ done: 500, total: 2_000 });
      process.emit('SIGINT', 'SIGINT');
      signal.throwIfAborted();
    });

    await expect(work).rejects.toThrow('stopped after 500 of 2000 tasks');
  });

  it('does not handle Ctrl-C once it is done', async () => {
    const before = process.listenerCount('SIGINT');

    const listening = await watched(context, async () => process.listenerCount('SIGINT'));

    expect(listening).toBe(before + 1);
    expect(process.listenerCount('SIGINT')).toBe(before);
  });

  it('passes its own failure on', async () => {
    await expect(watched(context, async () => Promise.reject(new Error('no Redis')))).rejects.toThrow('no Redis');
  });
});
