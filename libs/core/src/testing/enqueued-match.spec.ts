import { describe, expect, it } from 'vitest';
import { Client } from '../client/client.js';
import { assertEnqueued, assertNotEnqueued } from './assert-enqueued.js';
import { type ExpectedTask, matchEnqueued } from './enqueued-match.js';
import './vitest.mjs';
import { TaskRecorder } from './task-recorder.js';

async function recorded(): Promise<TaskRecorder> {
  const recorder = new TaskRecorder();
  const client = new Client({ connection: recorder.connection });
  await client.enqueue('report', undefined, { group: 'nightly' });
  await client.enqueue(
    'email:welcome',
    { to: 'ada@example.com', cc: ['bob', 'eve'], sent: new Date(0) },
    { queue: 'critical', processIn: '10s', taskId: 'w1', headers: { trace: '1', tenant: 'a' } },
  );
  return recorder;
}

describe('toHaveEnqueued', () => {
  it.each<ExpectedTask>([
    {},
    { payload: { to: 'ada@example.com' } },
    { payload: { cc: ['bob', 'eve'] } },
    { payload: { to: expect.stringContaining('@') } },
    { payload: expect.objectContaining({ to: 'ada@example.com' }) },
    { payload: { bcc: undefined } },
    { queue: 'critical', processIn: '10s', taskId: 'w1' },
    { processIn: 9_500 },
    { headers: { tenant: 'a' } },
    { times: 1 },
  ])('accepts %j', async (expected) => {
    const recorder = await recorded();

    expect(recorder).toHaveEnqueued('email:welcome', expected);
    assertEnqueued(recorder.enqueued, 'email:welcome', expected);
    expect(() => assertNotEnqueued(recorder, 'email:welcome', expected)).toThrow('not to have been enqueued');
  });

  it.each<ExpectedTask>([
    { payload: { to: 'bob@example.com' } },
    { payload: { cc: ['bob'] } },
    { payload: { cc: { 0: 'bob' }, to: expect.any(Number) } },
    { payload: null },
    { payload: 'text' },
    { queue: 'default' },
    { processIn: '12s' },
    { processIn: 0 },
    { group: 'nightly' },
    { headers: { tenant: 'b' } },
    { times: 0 },
    { times: 2 },
  ])('refuses %j', async (expected) => {
    const recorder = await recorded();

    expect(recorder).not.toHaveEnqueued('email:welcome', expected);
    assertNotEnqueued(recorder, 'email:welcome', expected);
    expect(() => assertEnqueued(recorder, 'email:welcome', expected)).toThrow('to have been enqueued');
  });

  it('accepts a task without payload and without delay', async () => {
    expect(await recorded()).toHaveEnqueued('report', { group: 'nightly', processIn: 0 });
  });

  it('shows what was enqueued as a table, the most similar first, with what differs', async () => {
    const recorder = await recorded();

    const { message } = matchEnqueued(recorder, 'email:welcome', {
      payload: { to: 'bob@example.com' },
      queue: 'low',
      processIn: '1m',
    });

    expect(
      message()
        .split('\n')
        .map((line) => line.replaceAll(/ {3,}/g, ' | ')),
    ).toEqual([
      'expected email:welcome, queue "low", in 1m, payload {"to":"bob@example.com"} to have been enqueued. Enqueued:',
      '',
      '  type | queue | in | payload | differs in',
      '  email:welcome | critical | 10s | {"to":"ada@example.com","cc":["bob","eve"],"sent":"1970-01-01T00:00:00.000Z"} | queue, processIn, payload',
      '  report | default | now | undefined | type',
    ]);
  });

  it('says so when nothing was enqueued', () => {
    expect(() => assertEnqueued(new TaskRecorder(), 'any')).toThrow(
      'expected any to have been enqueued; nothing was enqueued',
    );
  });

  it('refuses what it does not know', () => {
    expect(() => assertEnqueued(new TaskRecorder(), 'any', { queues: 'low' } as object)).toThrow('"queues"');
    expect(() => assertEnqueued({} as TaskRecorder, 'any')).toThrow('something with "enqueued"');
  });
});

describe('TaskRecorder', () => {
  it('refuses wrong options, as a queue does, and records nothing then', async () => {
    const recorder = new TaskRecorder();
    const client = new Client({ connection: recorder.connection });

    await expect(client.enqueue('any', {}, { queue: '{' })).rejects.toThrow('queue');

    expect(recorder.enqueued).toEqual([]);
  });

  it('accepts an id again and again', async () => {
    const recorder = new TaskRecorder();
    const client = new Client({ connection: recorder.connection });

    await client.enqueue('any', {}, { taskId: '1' });
    const { initialState } = await client.enqueue('any', {}, { taskId: '1', processIn: '1s' });

    expect(initialState).toBe('scheduled');
    expect(recorder).toHaveEnqueued('any', { taskId: '1', times: 2 });
  });
});
